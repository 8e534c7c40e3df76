// The grammars of all wire formats in libllama: they compile.

import assert from "node:assert/strict";
import { openLibrary } from "../../ffi/mod.ts";
import { selectFormat } from "../../src/chat/formats/select_format.ts";
import { DEFAULT_TOOLS, readFixtures } from "../parity/tool_fixture.ts";
import { libDir } from "../support/paths.ts";
import { tinyModel } from "../support/tiny_models.ts";

Deno.test("AnswerPlan.grammar of every format compiles in libllama", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("llama"), { vocabOnly: true });
  let count = 0;
  for (const [file, { groups }] of await readFixtures()) {
    for (const group of groups) {
      for (const toolChoice of ["auto", "required"] as const) {
        for (const format of [undefined, { kind: "json_object" } as const]) {
          const plan = selectFormat(group.marks).plan({
            prompt: group.prompt ?? "",
            tools: DEFAULT_TOOLS,
            toolChoice,
            parallelToolCalls: true,
            ...(format === undefined ? {} : { format }),
            reasoning: { split: true, budget: -1 },
          });
          const grammar = plan.grammar!.gbnf;
          assert.doesNotThrow(
            () => llama.createSamplerChain(model.vocab, [{ type: "grammar", grammar }])[Symbol.dispose](),
            `${file} ${group.name}`,
          );
          count++;
        }
      }
    }
  }
  assert.ok(count > 200, `${count} grammars`);
});
