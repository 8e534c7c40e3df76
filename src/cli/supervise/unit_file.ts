/**
 * The text of a systemd unit that runs `supervise`. Pure. A unit of the system gets a user of its own, sees no home
 * folders but the files that its flags name, and writes nothing but its state and cache (systemd.exec(5)). A unit of a
 * user has what a user may restrict.
 */

/** What the unit says. */
export interface UnitOptions {
  /** Program and arguments. */
  command: readonly string[];
  /** Name of the state and cache folders. */
  name: string;
  /** Runs in the user's own service manager. */
  perUser: boolean;
  /** Account of a unit of the system; undefined: one made up by systemd. */
  account: string | undefined;
  /** Files that only root may read, by the name that the service finds them under in `$CREDENTIALS_DIRECTORY`. */
  credentials: ReadonlyMap<string, string>;
  /** Files and folders that the service reads. */
  reads: readonly string[];
  /** Folders that it writes besides its own. */
  writes: readonly string[];
  port: number;
  /** Seconds that a stop may take. */
  stopSeconds: number;
  /** The model is locked in memory. */
  locksMemory: boolean;
  /** Threads may ask for realtime priority. */
  realtime: boolean;
}

/** Folders that `ProtectHome=` and `PrivateTmp=` hide. */
const HOMES = /^\/(home|root|run\/user|tmp|var\/tmp)(\/|$)/;

/** Least port that needs no privilege. */
const FIRST_FREE_PORT = 1024;

/** The unit's text. */
export function unitText(options: UnitOptions): string {
  const { perUser } = options;
  return [
    "[Unit]",
    "Description=llamacpp-server, an inference server",
    ...(perUser ? [] : ["Wants=network-online.target", "After=network-online.target"]),
    "# An unattended machine has nobody who would start it again.",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${options.command.map(quoted).join(" ")}`,
    "Restart=always",
    "RestartSec=5",
    "# The supervisor is told to stop and lets the engine drain.",
    "KillMode=mixed",
    `TimeoutStopSec=${options.stopSeconds}`,
    "# The supervisor starts an engine again that ran out of memory.",
    "OOMPolicy=continue",
    "# Writing a core file would keep the port of a crashed engine occupied.",
    "LimitCORE=0",
    "LimitNOFILE=65536",
    ...(options.locksMemory ? ["LimitMEMLOCK=infinity"] : []),
    "UMask=0077",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictSUIDSGID=yes",
    ...(options.realtime ? [] : ["RestrictRealtime=yes"]),
    "SystemCallArchitectures=native",
    ...(perUser ? [] : systemLines(options)),
    "",
    "[Install]",
    `WantedBy=${perUser ? "default.target" : "multi-user.target"}`,
    "",
  ].join("\n");
}

/** Folder of a system unit's state. */
export function stateFolder(name: string): string {
  return `/var/lib/${name}`;
}

function systemLines({ name, account, credentials, reads, writes, port }: UnitOptions): string[] {
  const privileged = port > 0 && port < FIRST_FREE_PORT;
  const hidden = [...new Set(reads)].filter((path) => HOMES.test(path));
  return [
    ...(account === undefined ? ["DynamicUser=yes"] : [`User=${account}`]),
    `StateDirectory=${name}`,
    `CacheDirectory=${name}`,
    `Environment=HOME=${
      stateFolder(name)
    } XDG_CACHE_HOME=/var/cache/${name} DENO_DIR=/var/cache/${name}/deno`,
    ...[...credentials].map(([id, path]) => `LoadCredential=${id}:${escaped(path)}`),
    "ProtectSystem=strict",
    ...writes.map((path) => `ReadWritePaths=${quoted(path)}`),
    "ProtectHome=tmpfs",
    ...hidden.map((path) => `BindReadOnlyPaths=${quoted(path)}`),
    "PrivateTmp=yes",
    "# Graphics cards, and what every program needs.",
    "DevicePolicy=closed",
    ...["char-drm", "char-nvidia", "char-nvidia-uvm", "char-nvidiactl", "/dev/kfd"].map((device) =>
      `DeviceAllow=${device} rw`
    ),
    `CapabilityBoundingSet=${privileged ? "CAP_NET_BIND_SERVICE" : ""}`,
    ...(privileged ? ["AmbientCapabilities=CAP_NET_BIND_SERVICE"] : []),
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "RestrictNamespaces=yes",
    "SystemCallFilter=@system-service",
    ...["Clock", "ControlGroups", "Hostname", "KernelLogs", "KernelModules", "KernelTunables"].map((what) =>
      `Protect${what}=yes`
    ),
    "ProtectProc=invisible",
    "RemoveIPC=yes",
  ];
}

/** A word of a unit's value (systemd.syntax(7)); `${NAME}` of ours stays a variable. */
function quoted(word: string): string {
  const text = escaped(word).replace(/\$(?!\{CREDENTIALS_DIRECTORY\})/g, "$$$$");
  if (/^[\w./:=,@+%${}-]+$/.test(text)) return text;
  const inside = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `"${inside.replaceAll("\t", "\\t").replaceAll("\r", "\\r")}"`;
}

/** Percent signs begin specifiers. */
function escaped(text: string): string {
  return text.replaceAll("%", "%%");
}
