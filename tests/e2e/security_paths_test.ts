/**
 * No field names a file outside: every name that a request can hold, with values that lead out of the folders. What is
 * there is neither shown nor loaded nor changed, and the answer is an error in the form of the dialect.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { dialectOf } from "../../src/http/dialects.ts";
import { encodeNode } from "../fuzz/json_node.ts";
import { wholeRequest } from "../fuzz/raw_request.ts";
import { type Answer, exchange } from "../fuzz/wire.ts";
import { foreignNames } from "../support/foreign_names.ts";
import { generativeModel } from "../support/paths.ts";
import { ServerProcess } from "../support/server_process.ts";
import { filesBelow, TemporaryFolder } from "../support/temporary_folder.ts";

const CANARY = "canary-5d1f: nobody may read this";
const LIMIT_MS = 30_000;

/** A folder of models, one of saved slots and a store, beside files that are none of the server's business. */
class Surroundings implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #server: ServerProcess;

  private constructor(server: ServerProcess, folder: TemporaryFolder) {
    this.#server = server;
    this.#folder = folder;
  }

  static async make(): Promise<Surroundings> {
    const folder = new TemporaryFolder();
    for (const name of ["models", "slots", "store", "outside"]) {
      Deno.mkdirSync(folder.file(name));
    }
    Deno.writeTextFileSync(folder.file("outside", "canary.txt"), CANARY);
    Deno.copyFileSync(generativeModel(), folder.file("outside", "canary.gguf"));
    Deno.copyFileSync(generativeModel(), folder.file("models", "good.gguf"));
    // What an operator might have put there; a client cannot.
    Deno.symlinkSync(
      folder.file("outside", "canary.txt"),
      folder.file("slots", "link"),
    );
    Deno.symlinkSync(
      folder.file("outside", "canary.txt"),
      folder.file("models", "link.gguf"),
    );
    const server = await ServerProcess.start({
      args: [
        "--models-dir",
        folder.file("models"),
        "--models-store",
        folder.file("store"),
        "--slot-save-path",
        folder.file("slots"),
        "--n-predict",
        "4",
      ],
      env: {
        HTTP_PROXY: "http://127.0.0.1:9",
        HTTPS_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "",
      },
    });
    return new Surroundings(server, folder);
  }

  get server(): ServerProcess {
    return this.#server;
  }

  get names(): string[] {
    const { path } = this.#folder;
    return ["canary.gguf", "canary.txt"].flatMap((file) =>
      foreignNames(join(path, "outside", file), `../outside/${file}`)
    );
  }

  file(...parts: string[]): string {
    return this.#folder.file(...parts);
  }

  /** Every file with what is in it, but for the store's own. */
  snapshot(): string[] {
    return filesBelow(this.#folder.path).filter((file) => !file.startsWith("store/")).map((file) => {
      const bytes = Deno.readFileSync(this.#folder.file(file));
      return `${file} ${createHash("sha256").update(bytes).digest("hex")}`;
    });
  }

  /** Sends a request as it is; nothing tidies its path up. */
  send(method: string, target: string, body?: unknown): Promise<Answer> {
    const headers = [["content-type", "application/json"]] as const;
    const bytes = body === undefined ? {} : { body: new TextEncoder().encode(encodeNode(body as never)) };
    const pieces = wholeRequest({
      method,
      target,
      headers: [...headers],
      ...bytes,
    });
    return exchange(this.#server.port, { pieces, then: "answer" }, LIMIT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** An error of the client's, as the dialect writes it, with nothing of what is in the files. */
function assertRefused(target: string, answer: Answer, what: string): void {
  const text = new TextDecoder().decode(answer.body);
  const note = `${what}: ${answer.status} ${text.slice(0, 300)}`;
  assert.ok(
    !text.includes("canary-5d1f") && !/root:.*:0:0:/.test(text),
    `read: ${note}`,
  );
  const status = answer.status ?? 0;
  assert.ok(status >= 400 && status < 500, note);
  const schema = dialectOf(target.split("?")[0] ?? "").errorSchema as {
    safeParse(value: unknown): { success: boolean };
  };
  if (text !== "") assert.ok(schema.safeParse(JSON.parse(text)).success, note);
}

/** Smallest good bodies of the endpoints whose bodies name a model. */
const BODIES: Readonly<Record<string, Record<string, unknown>>> = {
  messages: { messages: [{ role: "user", content: "x" }], max_tokens: 1 },
  chat: { messages: [{ role: "user", content: "x" }] },
  "apply-template": { messages: [{ role: "user", content: "x" }] },
  count_tokens: { messages: [{ role: "user", content: "x" }] },
  prompt: {
    prompt: "x",
    input: "x",
    content: "x",
    input_prefix: "x",
    query: "x",
    documents: ["x"],
    from: "llama",
  },
};

function bodyOf(path: string): Record<string, unknown> {
  const key = Object.keys(BODIES).find((part) => path.includes(part)) ??
    "prompt";
  return BODIES[key] ?? {};
}

/** Operations whose bodies have one of the fields. */
async function operationsWith(
  server: ServerProcess,
  fields: readonly string[],
): Promise<[string, string][]> {
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  const found: [string, string][] = [];
  for (
    const [path, item] of Object.entries<Record<string, unknown>>(
      document.paths,
    )
  ) {
    for (const [method, operation] of Object.entries(item)) {
      const content = (operation as {
        requestBody?: {
          content: Record<string, { schema: { $ref?: string } }>;
        };
      })
        .requestBody?.content["application/json"];
      const name = content?.schema.$ref?.split("/").at(-1) ?? "";
      const properties = Object.keys(
        document.components.schemas[name]?.properties ?? {},
      );
      if (fields.some((field) => properties.includes(field))) {
        found.push([method.toUpperCase(), path]);
      }
    }
  }
  return found;
}

Deno.test("no field of any request reads or writes outside the folders of the server", async (t) => {
  await using around = await Surroundings.make();
  const { server, names } = around;
  const before = around.snapshot();
  const each = async (
    target: (name: string) => string,
    body?: (name: string) => unknown,
    method = "POST",
  ) => {
    for (const name of names) {
      const path = target(name);
      const answer = await around.send(method, path, body?.(name));
      assertRefused(
        path,
        answer,
        `${method} ${path.slice(0, 100)} with ${JSON.stringify(name.slice(0, 60))}`,
      );
    }
  };

  await t.step("model and name, in every body that has them", async () => {
    const operations = await operationsWith(server, ["model", "name"]);
    assert.ok(
      operations.length >= 25,
      `only ${operations.length} operations name a model`,
    );
    for (const [method, path] of operations) {
      await each(
        () => path,
        (name) => ({ ...bodyOf(path), model: name, stream: false }),
        method,
      );
    }
  });

  await t.step("names in paths and queries", async () => {
    const encoded = (name: string) => encodeURIComponent(name.toWellFormed().slice(0, 2000));
    await each((name) => `/v1/models/${encoded(name)}`, undefined, "GET");
    await each((name) => `/api/blobs/${encoded(name)}`, undefined, "GET");
    await each((name) => `/api/blobs/${encoded(name)}`, () => ({ a: 1 }));
    for (const path of ["/props", "/lora-adapters"]) {
      await each((name) => `${path}?model=${encoded(name)}`, undefined, "GET");
    }
    for (
      const raw of [
        "/v1/models/../../outside/canary.txt",
        "/v1/models/..%2f..%2foutside%2fcanary.txt",
      ]
    ) {
      assertRefused(raw, await around.send("GET", raw), raw);
    }
  });

  await t.step("saved slots", async () => {
    await server.ask("/completion", {
      prompt: "Once upon a time",
      n_predict: 1,
      id_slot: 0,
    });
    for (const action of ["save", "restore"]) {
      await each(
        () => `/slots/0?action=${action}`,
        (name) => ({ filename: name }),
      );
      await each(
        (name) => `/slots/${encodeURIComponent(name.toWellFormed()).slice(0, 2000)}?action=${action}`,
        () => ({
          filename: "x",
        }),
      );
    }
    assertRefused(
      "/slots/0",
      await around.send("POST", "/slots/0?action=restore", {
        filename: "link",
      }),
      "a link",
    );
    assert.deepEqual(around.snapshot(), before, "nothing has been written");
    const long = "n".repeat(255);
    const saved = await around.send("POST", "/slots/0?action=save", {
      filename: long,
    });
    assert.equal(saved.status, 200, "the longest name that is one");
    const over = await around.send("POST", "/slots/0?action=save", {
      filename: "link",
    });
    assert.equal(over.status, 200);
    assert.ok(
      Deno.lstatSync(around.file("slots", "link")).isFile,
      "a link is replaced, not followed",
    );
    Deno.removeSync(around.file("slots", long));
    Deno.removeSync(around.file("slots", "link"));
    Deno.symlinkSync(
      around.file("outside", "canary.txt"),
      around.file("slots", "link"),
    );
  });

  await t.step("stored models", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    await each(
      () => "/api/copy",
      (name) => ({ source: name, destination: "mine" }),
    );
    await each(
      () => "/api/copy",
      (name) => ({ source: "good", destination: name }),
    );
    await each(() => "/api/delete", (name) => ({ name }), "DELETE");
    await each(
      () => "/api/create",
      (name) => ({ model: "mine", from: name, stream: false }),
    );
    for (const field of ["files", "adapters"]) {
      const from = field === "adapters" ? { from: "good" } : {};
      await each(
        () => "/api/create",
        (name) => ({
          model: "mine",
          ...from,
          [field]: { [name]: digest },
          stream: false,
        }),
      );
      await each(
        () => "/api/create",
        (name) => ({
          model: "mine",
          ...from,
          [field]: { "a.gguf": name },
          stream: false,
        }),
      );
    }
  });

  await t.step("links out of the folder of models", async () => {
    for (
      const [path, body] of [["/api/show", {}], [
        "/api/chat",
        bodyOf("chat"),
      ]] as const
    ) {
      assertRefused(
        path,
        await around.send("POST", path, {
          ...body,
          model: "link",
          stream: false,
        }),
        path,
      );
    }
  });

  assert.deepEqual(
    around.snapshot(),
    before,
    "nothing outside the store has changed",
  );
  const listed = JSON.stringify(
    await (await fetch(`${server.url}/api/tags`)).json(),
  );
  assert.ok(!listed.includes("canary") && listed.includes("good"), listed);
  assert.doesNotMatch(server.stderr, / error |Uncaught/);
});
