import { strict as assert } from "node:assert";
import { digestOf, openTemplate, renderHere, templateNames } from "../../parity/template_cases.ts";
import { CONVERSATIONS } from "../../parity/template_conversations.ts";
import { explanationOf } from "../../parity/template_differences.ts";
import { readFixture } from "../../parity/template_fixture.ts";

const fixture = readFixture();
const present = templateNames();

Deno.test("the recorded digests are those of all conversations", () => {
  assert.deepEqual(fixture.conversations, CONVERSATIONS.map(({ name }) => name));
  assert.ok(Object.keys(fixture.digests).length >= 70);
});

for (const [name, digests] of Object.entries(fixture.digests)) {
  const ignore = !present.includes(name);
  Deno.test({ name: `ChatTemplate.render() gives llama-server's texts for ${name}`, ignore }, () => {
    const template = openTemplate(name, fixture.specials, () => new Date(fixture.recordedAt));
    const expected = digests.split(" ");
    for (const [i, conversation] of CONVERSATIONS.entries()) {
      if (explanationOf(name, conversation.name) !== undefined) continue;
      const outcome = renderHere(template, conversation);
      const what = `${conversation.name}: see \`deno task parity templates --show ${name}\`; ${
        JSON.stringify(outcome)
      }`;
      assert.equal(digestOf(outcome), expected[i], what);
    }
  });
}
