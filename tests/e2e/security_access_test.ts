/**
 * Who may call, asked of the started server for every operation of its `/openapi.json`: what needs no key, and what a
 * key needs, is written down here once more. A new endpoint that is not is one for users of models.
 */

import assert from "node:assert/strict";
import { dialectOf } from "../../src/http/dialects.ts";
import { wholeRequest } from "../fuzz/raw_request.ts";
import { exchange } from "../fuzz/wire.ts";
import { ServerProcess } from "../support/server_process.ts";

/** Probes, and no more. */
const PUBLIC = [
  "GET /",
  "GET /health",
  "GET /v1/health",
  "GET /health/live",
  "GET /health/ready",
];

/** What changes the disk, or the model for everybody. */
const MANAGE = [
  ...[
    "POST /api/pull",
    "POST /api/push",
    "POST /api/create",
    "POST /api/copy",
    "DELETE /api/delete",
  ],
  ...[
    "GET /api/blobs/{digest}",
    "POST /api/blobs/{digest}",
    "POST /slots/{id}",
    "POST /lora-adapters",
    "POST /props",
  ],
];

const METRICS = ["GET /metrics"];

/** Needs a key, but none of a certain scope. */
const ANY_KEY = ["GET /openapi.json"];

const KEYS = {
  all: "k-all",
  infer: "k-infer",
  manage: "k-manage",
  metrics: "k-metrics",
};
const FLAGS = [
  ...[
    "--api-key",
    `${KEYS.all},${KEYS.infer}:infer,${KEYS.manage}:manage,${KEYS.metrics}:metrics`,
  ],
  ...["--allowed-hosts", "box.example"],
];

interface Operation {
  method: string;
  path: string;
  name: string;
}

async function operations(server: ServerProcess): Promise<Operation[]> {
  const response = await fetch(`${server.url}/openapi.json`, {
    headers: { "x-api-key": KEYS.all },
  });
  const { paths } = await response.json() as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => {
      const name = `${method.toUpperCase()} ${path}`;
      return {
        method: method.toUpperCase(),
        path: path.replace(/\{\w+\}/g, "x"),
        name,
      };
    })
  );
}

/** Asks with headers as they are; a body is one that no endpoint takes. @returns status and text */
async function ask(
  server: ServerProcess,
  { method, path }: Pick<Operation, "method" | "path">,
  headers: readonly (readonly [string, string])[],
): Promise<[status: number | undefined, text: string]> {
  const body = method === "POST" || method === "DELETE" ? { body: new TextEncoder().encode("{") } : {};
  const bytes = wholeRequest({ method, target: path, headers, ...body });
  // A Host of one's own takes the place of the usual one.
  const own = headers.some(([name]) => name === "host");
  const pieces = own
    ? [
      new TextEncoder().encode(
        new TextDecoder().decode(bytes[0]).replace("host: 127.0.0.1\r\n", ""),
      ),
      ...bytes.slice(1),
    ]
    : bytes;
  const answer = await exchange(
    server.port,
    { pieces, then: "answer" },
    30_000,
  );
  return [answer.status, new TextDecoder().decode(answer.body)];
}

function assertDialect(path: string, text: string, note: string): void {
  const { errorSchema } = dialectOf(path) as {
    errorSchema: { safeParse?(value: unknown): { success: boolean } };
  };
  assert.ok(
    errorSchema.safeParse?.(JSON.parse(text)).success,
    `${note}: ${text}`,
  );
}

Deno.test("every operation needs a key of its scope, but for those that are public", async (t) => {
  await using server = await ServerProcess.start({ args: FLAGS });
  const all = await operations(server);
  const names = all.map(({ name }) => name);
  for (const name of [...PUBLIC, ...MANAGE, ...METRICS, ...ANY_KEY]) {
    assert.ok(names.includes(name), `${name} is no operation`);
  }
  const closed = all.filter(({ name }) => !PUBLIC.includes(name));

  await t.step("no key, a wrong one, parts and mixtures of keys", async () => {
    const wrong: (readonly (readonly [string, string])[])[] = [
      [],
      ...[
        "wrong",
        "",
        "k-al",
        "k-all ",
        "k-alll",
        `${KEYS.all},${KEYS.infer}`,
        `${KEYS.infer}:infer`,
        "Bearer",
      ].flatMap((key) =>
        [["authorization", `Bearer x${key}`], ["x-api-key", `${key}x`]].map((
          [name, value],
        ) => [[name!, value!] as const])
      ),
      [["authorization", KEYS.all]],
      [["authorization", `Basic ${btoa(`:${KEYS.all}`)}`]],
      [["cookie", `key=${KEYS.all}`]],
    ];
    for (const operation of closed) {
      for (const headers of wrong) {
        const [status, text] = await ask(server, operation, headers);
        const note = `${operation.name} with ${JSON.stringify(headers)}`;
        assert.equal(status, 401, note);
        assertDialect(operation.path, text, note);
      }
    }
    const [status] = await ask(server, {
      method: "GET",
      path: "/v1/models?key=k-all&api_key=k-all",
    }, []);
    assert.equal(status, 401, "a key in the query is none");
  });

  await t.step("a key of another scope", async () => {
    for (const operation of closed) {
      const { name, path } = operation;
      const scope = MANAGE.includes(name) ? "manage" : METRICS.includes(name) ? "metrics" : "infer";
      for (const has of ["infer", "manage", "metrics", "all"] as const) {
        const [status, text] = await ask(server, operation, [[
          "x-api-key",
          KEYS[has],
        ]]);
        const note = `${name} with ${has}: ${status} ${text.slice(0, 200)}`;
        if (has === scope || has === "all" || ANY_KEY.includes(name)) {
          assert.ok(status !== 401 && status !== 403, note);
        } else {
          assert.equal(status, 403, note);
          assertDialect(path, text, note);
          assert.match(text, new RegExp(`lacks the scope ..?${scope}`), note);
        }
      }
    }
  });

  await t.step("public operations, and paths that are none", async () => {
    for (const name of PUBLIC) {
      const [method = "", path = ""] = name.split(" ");
      assert.equal((await ask(server, { method, path }, []))[0], 200, name);
    }
    for (
      const path of [
        "/nothing",
        "/v1/nothing",
        "/api/nothing",
        "/v1/messages/x",
        "//health",
        "/health/../v1/models",
        "/HEALTH",
      ]
    ) {
      assert.equal(
        (await ask(server, { method: "GET", path }, []))[0],
        401,
        path,
      );
    }
  });

  await t.step(
    "a foreign Host, before the key and on public operations, too",
    async () => {
      for (const operation of all) {
        for (
          const host of [
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
          ]
        ) {
          const [status, text] = await ask(server, operation, [["host", host], [
            "x-api-key",
            KEYS.all,
          ]]);
          assert.equal(status, 403, `${operation.name} with ${host}`);
          assertDialect(operation.path, text, operation.name);
          assert.match(text, /--allowed-hosts/);
        }
      }
      for (
        const host of ["localhost", "127.0.0.1:8090", "box.example", "[::1]:1"]
      ) {
        assert.equal(
          (await ask(server, { method: "GET", path: "/health" }, [[
            "host",
            host,
          ]]))[0],
          200,
          host,
        );
      }
    },
  );

  await t.step("a foreign Origin, preflights included", async () => {
    const origins = [
      "https://evil.example",
      "null",
      "http://localhost.evil.example",
      "http://localhost:1@evil.example",
    ];
    for (const operation of all) {
      for (const origin of origins) {
        for (const method of [operation.method, "OPTIONS"]) {
          const headers = [["origin", origin], ["x-api-key", KEYS.all], [
            "access-control-request-method",
            "POST",
          ]] as const;
          const [status] = await ask(server, { ...operation, method }, headers);
          assert.equal(status, 403, `${method} ${operation.path} of ${origin}`);
        }
      }
    }
    const [local] = await ask(server, { method: "GET", path: "/health" }, [[
      "origin",
      "http://localhost:3000",
    ]]);
    assert.equal(local, 200);
  });
});
