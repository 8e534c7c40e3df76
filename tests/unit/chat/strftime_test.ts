import { strict as assert } from "node:assert";
import { JinjaProgram } from "../../../src/chat/jinja_program.ts";
import { formatTime } from "../../../src/chat/strftime.ts";

const MOMENT = new Date(2024, 2, 5, 0, 7, 9);

Deno.test("formatTime() prints the conversions of C's strftime in the C locale", () => {
  assert.equal(formatTime(MOMENT, "%d %b %Y"), "05 Mar 2024");
  assert.equal(formatTime(MOMENT, "%A, %B %e, %y"), "Tuesday, March  5, 24");
  assert.equal(formatTime(MOMENT, "%a %F %T %I %p %j %D"), "Tue 2024-03-05 00:07:09 12 AM 065 03/05/24");
});

Deno.test("formatTime() drops padding after a dash and leaves what it does not know", () => {
  assert.equal(formatTime(MOMENT, "%-d.%-m. %-H:%M %-e"), "5.3. 0:07 5");
  assert.equal(formatTime(MOMENT, "100%% %Q % d %"), "100% %Q % d %");
});

Deno.test("JinjaProgram.render() offers strftime_now", () => {
  assert.match(new JinjaProgram("{{ strftime_now('%Y-%m-%d') }}").render({}), /^\d{4}-\d\d-\d\d$/);
});
