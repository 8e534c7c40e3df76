import assert from "node:assert/strict";
import { type UnitOptions, unitText } from "../../../../src/cli/supervise/unit_file.ts";

const OPTIONS: UnitOptions = {
  command: ["/opt/llamacpp-server", "supervise"],
  name: "llamacpp-server",
  perUser: false,
  account: undefined,
  credentials: new Map(),
  reads: [],
  writes: [],
  port: 8090,
  stopSeconds: 50,
  locksMemory: false,
  realtime: false,
};

const lines = (changes: Partial<UnitOptions>) => unitText({ ...OPTIONS, ...changes }).split("\n");

Deno.test("unitText() restarts always, drains by its supervisor, and gives the service a user of its own", () => {
  const unit = lines({});
  for (
    const line of [
      "Restart=always",
      "KillMode=mixed",
      "TimeoutStopSec=50",
      "OOMPolicy=continue",
      "DynamicUser=yes",
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "PrivateTmp=yes",
      "StateDirectory=llamacpp-server",
      "CapabilityBoundingSet=",
      "WantedBy=multi-user.target",
    ]
  ) assert.ok(unit.includes(line), line);
});

Deno.test("unitText() quotes words, and neither percent signs nor dollars mean anything", () => {
  const unit = lines({
    command: [
      "/opt/x",
      "--chat-template",
      'a "b" \\ 50% $HOME\nc',
      "/plain/path.gguf",
    ],
  });
  assert.ok(
    unit.includes(
      `ExecStart=/opt/x --chat-template "a \\"b\\" \\\\ 50%% $$HOME\\nc" /plain/path.gguf`,
    ),
    unit.find((line) => line.startsWith("ExecStart=")),
  );
});

Deno.test("unitText() shows of home folders only what the service reads", () => {
  const unit = lines({
    reads: ["/home/me/model.gguf", "/data/model.gguf", "/home/me/model.gguf"],
  });
  assert.ok(unit.includes("ProtectHome=tmpfs"));
  assert.deepEqual(unit.filter((line) => line.startsWith("Bind")), [
    "BindReadOnlyPaths=/home/me/model.gguf",
  ]);
});

Deno.test("unitText() hands secrets over as credentials and asks for a low port's privilege only", () => {
  const unit = lines({
    credentials: new Map([["api-keys", "/etc/keys"]]),
    port: 443,
  });
  assert.ok(unit.includes("LoadCredential=api-keys:/etc/keys"));
  assert.ok(unit.includes("CapabilityBoundingSet=CAP_NET_BIND_SERVICE"));
});

Deno.test("unitText() of a user asks for nothing that only the system may give", () => {
  const unit = lines({ perUser: true });
  assert.ok(
    unit.includes("WantedBy=default.target") &&
      unit.includes("NoNewPrivileges=yes"),
  );
  assert.ok(
    !unit.some((line) =>
      /^(DynamicUser|User|Protect|CapabilityBoundingSet|StateDirectory)/.test(
        line,
      )
    ),
  );
});
