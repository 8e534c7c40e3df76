/**
 * Talks to one repository of a registry (Docker's registry protocol, version 2, as Ollama's and Hugging Face's
 * registries speak it). Owns addresses, redirects and tokens. Always holds: a registry's token goes to its own
 * host only; plain HTTP is used only where the caller allowed it.
 */

import { concatBytes } from "../../core/bytes.ts";
import { ServerError } from "../../core/server_error.ts";
import { displayModelName, type ModelName } from "../ollama_name.ts";
import { MANIFEST_TYPE, MAX_MANIFEST_BYTES } from "../store/manifest.ts";
import { parseChallenge, tokenUrl } from "./bearer_challenge.ts";

/** The part of `fetch` that is used. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** How requests are sent. */
export interface RegistryOptions {
  /** Plain HTTP is allowed: for a name that says `http://`, and where HTTPS cannot be had. */
  insecure: boolean;
  /** The user's own token for a host; sent to that host only, from the first request on, over HTTPS. */
  token?: (host: string) => string | undefined;
  fetch?: Fetch;
}

/** A failed answer or connection, with what decides whether to try again. */
export class RegistryError extends ServerError {
  /** HTTP status; 0 when a connection broke, -1 when the host has never answered. */
  readonly status: number;

  constructor(kind: ServerError["kind"], message: string, status: number, cause?: unknown) {
    super(kind, message, cause === undefined ? {} : { cause });
    this.status = status;
  }

  /** May the same request succeed a moment later. */
  get transient(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const MAX_REDIRECTS = 5;
const USER_AGENT = "llamacpp-server/0.1 (ollama compatible)";
/** Milliseconds for an answer that is no blob. */
const ANSWER_MS = 60_000;

/** See the module comment. */
export class RegistryClient {
  readonly #name: ModelName;
  readonly #options: RegistryOptions;
  readonly #fetch: Fetch;
  #origin: URL;
  /** HTTPS has not worked or failed yet, and HTTP is allowed. */
  #mayFallBack: boolean;
  #bearer: string | undefined;
  /** Has the registry answered anything yet? */
  #reached = false;

  /** @throws ServerError `bad_request` for a name with `http://` where HTTPS is demanded */
  constructor(name: ModelName, options: RegistryOptions) {
    if (name.scheme === "http" && !options.insecure) {
      throw new ServerError(
        "bad_request",
        `insecure protocol http: set insecure to reach ${name.host} without encryption`,
        { field: "insecure" },
      );
    }
    this.#name = name;
    this.#options = options;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#origin = new URL(`${name.scheme ?? "https"}://${name.host}/`);
    this.#mayFallBack = options.insecure && name.scheme === undefined;
  }

  /** The manifest's bytes. @throws RegistryError with kind `model_not_found` when there is none */
  async manifest(signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.request("GET", this.#path(`manifests/${this.#name.tag}`), {
      headers: { accept: MANIFEST_TYPE },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    if (answer.status === 404) {
      await answer.body?.cancel();
      throw new RegistryError("model_not_found", "pull model manifest: file does not exist", 404);
    }
    await this.expect(answer, "read the manifest", 200);
    return await bytesOf(answer, MAX_MANIFEST_BYTES);
  }

  /** Asks for the bytes of a blob from `start` up to `end` (not included); the caller looks at the status. */
  async blob(digest: string, range: { start: number; end: number } | undefined, signal: AbortSignal) {
    const headers: Record<string, string> = {};
    if (range !== undefined) headers.range = `bytes=${range.start}-${range.end - 1}`;
    return await this.request("GET", this.#path(`blobs/${digest}`), { headers, signal });
  }

  /** Is the blob in the registry? */
  async hasBlob(digest: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.request("HEAD", this.#path(`blobs/${digest}`), { signal });
    await answer.body?.cancel();
    if (answer.status === 404) return false;
    await this.expect(answer, `look for the blob ${digest}`, 200);
    return true;
  }

  /** Begins an upload. @returns where to send the bytes; undefined when the registry has the blob after all */
  async startUpload(digest: string, from: string | undefined, signal: AbortSignal): Promise<URL | undefined> {
    const url = this.#path("blobs/uploads/");
    if (from !== undefined) {
      url.searchParams.set("mount", digest);
      url.searchParams.set("from", from);
    }
    const answer = await this.request("POST", url, { signal, headers: { "content-length": "0" } });
    await answer.body?.cancel();
    if (answer.status === 201) return undefined;
    await this.expect(answer, `upload the blob ${digest}`, 202);
    return this.location(answer);
  }

  /** Puts the manifest under the name. */
  async putManifest(bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const answer = await this.request("PUT", this.#path(`manifests/${this.#name.tag}`), {
      headers: { "content-type": MANIFEST_TYPE },
      body: bytes,
      signal,
    });
    await this.expect(answer, "write the manifest", 200, 201, 202);
    await answer.body?.cancel();
  }

  /** The address that an upload goes on at. @throws RegistryError */
  location(answer: Response): URL {
    const header = answer.headers.get("docker-upload-location") ?? answer.headers.get("location");
    if (header !== null) {
      return this.#onOrigin(new URL(header, this.#origin));
    }
    throw new RegistryError("unavailable", `Cannot upload: ${this.#origin.host} names no location`, 502);
  }

  /** @throws RegistryError unless the status is one of these */
  async expect(answer: Response, action: string, ...statuses: number[]): Promise<void> {
    if (statuses.includes(answer.status)) return;
    const text = new TextDecoder().decode(await bytesOf(answer, 4096).catch(() => new Uint8Array()));
    const { status } = answer;
    const kind = status === 401 || status === 403 ? "forbidden" : "unavailable";
    throw new RegistryError(
      kind,
      `Cannot ${action} of "${displayModelName(this.#name)}": ${this.#origin.host} answers ${status} ${
        text.slice(0, 300).trim()
      }`.trim(),
      status,
    );
  }

  /** Sends a request, with a token once the registry has asked for one, and follows redirects of reading requests. */
  async request(method: string, url: URL, init: RequestInit): Promise<Response> {
    const answer = await this.#follow(method, url, init);
    if (answer.status !== 401) return answer;
    const challenge = parseChallenge(answer.headers.get("www-authenticate"));
    if (challenge === undefined || init.body instanceof ReadableStream) return answer;
    await answer.body?.cancel();
    this.#bearer = await this.#newToken(tokenUrl(challenge, this.#origin), init.signal ?? undefined);
    return await this.#follow(method, url, init);
  }

  async #newToken(url: URL, signal: AbortSignal | undefined): Promise<string> {
    const answer = await this.#send("GET", url, signal === undefined ? {} : { signal });
    await this.expect(answer, "get a token", 200);
    const body: unknown = JSON.parse(new TextDecoder().decode(await bytesOf(answer, 1024 * 1024)));
    const { token, access_token } = (body ?? {}) as { token?: unknown; access_token?: unknown };
    const found = token ?? access_token;
    if (typeof found === "string" && found !== "") return found;
    throw new RegistryError("forbidden", `Cannot sign in: ${url.host} gives no token`, 401);
  }

  async #follow(method: string, url: URL, init: RequestInit): Promise<Response> {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await this.#send(method, url, init);
      const next = answer.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(answer.status) || next === null) return answer;
      if (method !== "GET" && method !== "HEAD") return answer;
      await answer.body?.cancel();
      const target = new URL(next, url);
      const downgraded = url.protocol === "https:" && target.protocol !== "https:";
      if (downgraded || !/^https?:$/.test(target.protocol)) {
        throw new RegistryError(
          "forbidden",
          `Cannot follow ${url.host} to ${target.origin}: it is not HTTPS`,
          403,
        );
      }
      url = target;
    }
    throw new RegistryError("unavailable", `Cannot follow ${url.host}: too many redirects`, 508);
  }

  async #send(method: string, url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", USER_AGENT);
    const target = this.#onOrigin(url);
    const own = target.protocol === "https:" ? this.#options.token?.(target.hostname) : undefined;
    const token = target.host === this.#origin.host ? this.#bearer ?? own : own;
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    try {
      const answer = await this.#fetch(target, { ...init, method, headers, redirect: "manual" });
      if (target.host === this.#origin.host) {
        this.#mayFallBack = false;
        this.#reached = true;
      }
      return answer;
    } catch (cause) {
      init.signal?.throwIfAborted();
      if (this.#mayFallBack && target.host === this.#origin.host) {
        this.#mayFallBack = false;
        this.#origin = new URL(`http://${this.#name.host}/`);
        return await this.#send(method, url, init);
      }
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RegistryError(
        "unavailable",
        `Cannot reach ${target.origin}: ${reason}`,
        this.#reached ? 0 : -1,
        cause,
      );
    }
  }

  /** The same address over the protocol that works; registries behind a proxy name themselves http. */
  #onOrigin(url: URL): URL {
    if (url.host !== this.#origin.host) return url;
    const same = new URL(url);
    same.protocol = this.#origin.protocol;
    return same;
  }

  #path(rest: string): URL {
    return new URL(`v2/${this.#name.namespace}/${this.#name.model}/${rest}`, this.#origin);
  }
}

/** A body of limited length. @throws RegistryError when it is longer */
async function bytesOf(answer: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > limit) {
      throw new RegistryError("unavailable", `Cannot read ${answer.url}: more than ${limit} bytes`, 502);
    }
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
