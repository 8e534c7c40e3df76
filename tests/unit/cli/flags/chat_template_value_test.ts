import { strict as assert } from "node:assert";
import { CHATML_TEMPLATE } from "../../../../src/chat/chat_template.ts";
import { chatTemplateValue } from "../../../../src/cli/flags/chat_template_value.ts";

Deno.test("chatTemplateValue takes a name and Jinja source, and refuses other words", () => {
  assert.equal(chatTemplateValue.parse("chatml"), CHATML_TEMPLATE);
  assert.equal(chatTemplateValue.parse("{{ messages }}"), "{{ messages }}");
  assert.equal(chatTemplateValue.parse("llama3"), undefined);
  assert.match(chatTemplateValue.expected, /chatml/);
});
