/**
 * A registry in memory, to pull from and push to: with or without ranges, tokens, redirects to another host, and
 * faults. Used through `fetch` without a socket, or behind a real one through `handle`.
 */

import { createHash } from "node:crypto";
import type { Fetch } from "../../src/models/pull/registry_client.ts";

/** A model's files. */
export interface FakeModel {
  /** `namespace/model:tag`. */
  name: string;
  manifest: Uint8Array<ArrayBuffer>;
  /** Digests of its blobs, layers first. */
  digests: string[];
}

/** How the registry behaves; members may be changed between requests. */
export interface FakeRegistryScript {
  /** Answer range requests with 206. */
  ranges: boolean;
  /** Send readers of blobs to this host with 307. */
  cdn?: string;
  /** Ask for a token with this realm. */
  realm?: string;
  /** Bytes of a blob sent at a time, with a pause after each. */
  piece: number;
  pauseMs: number;
  /** Looks at each request first; a response of its own replaces the registry's. */
  before?: (request: Request, url: URL) => Response | undefined | Promise<Response | undefined>;
  /** Changes the bytes of a blob on their way. */
  corrupt?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** Cuts an answer off after this many bytes, this many times. */
  cut?: { bytes: number; times: number };
}

/** What was asked for. */
export interface RegistryRequest {
  method: string;
  host: string;
  path: string;
  range: string | null;
  authorization: string | null;
}

const TOKEN = "a-token";

/** See the module comment. */
export class FakeRegistry {
  readonly script: FakeRegistryScript = { ranges: true, piece: 64 * 1024, pauseMs: 0 };
  readonly requests: RegistryRequest[] = [];
  readonly manifests = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #uploads = new Map<string, Uint8Array<ArrayBuffer>>();

  /** For `LocalModels` and `RegistryClient`. */
  readonly fetch: Fetch = (url, init) => this.handle(new Request(url, init));

  /** Adds a model of some layers: `[media type's end, content]`. */
  addModel(
    name: string,
    layers: readonly (readonly [string, Uint8Array<ArrayBuffer> | string])[],
  ): FakeModel {
    const descriptors = layers.map(([kind, content]) => ({
      mediaType: `application/vnd.ollama.image.${kind}`,
      ...this.addBlob(typeof content === "string" ? new TextEncoder().encode(content) : content),
    }));
    const config = {
      mediaType: "application/vnd.docker.container.image.v1+json",
      ...this.addBlob(new TextEncoder().encode('{"model_format":"gguf"}')),
    };
    // Blanks that a parser would lose: manifests must be stored byte for byte.
    const manifest = new TextEncoder().encode(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
        config,
        layers: descriptors,
      }) + " \n",
    );
    this.manifests.set(name, manifest);
    return { name, manifest, digests: [...descriptors, config].map(({ digest }) => digest) };
  }

  addBlob(bytes: Uint8Array<ArrayBuffer>): { digest: string; size: number } {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    this.blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.requests.push({
      method: request.method,
      host: url.host,
      path: url.pathname,
      range: request.headers.get("range"),
      authorization: request.headers.get("authorization"),
    });
    const own = await this.script.before?.(request, url);
    if (own !== undefined) return own;
    const { realm, cdn } = this.script;
    if (realm !== undefined && url.pathname === new URL(realm).pathname) {
      return Response.json({ token: TOKEN });
    }
    if (url.host === cdn) return this.#blobContent(request, url.pathname.slice(1));
    if (realm !== undefined && request.headers.get("authorization") !== `Bearer ${TOKEN}`) {
      const scope = 'service="registry",scope="repository:x:pull"';
      return new Response("no token", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${realm}",${scope}` },
      });
    }
    const [, repository = "", kind, rest = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/(.*)$/.exec(url.pathname) ??
      [];
    if (kind === "manifests") return await this.#manifest(request, `${repository}:${rest}`);
    if (rest.startsWith("uploads/")) return await this.#upload(request, url);
    if (kind !== "blobs") return new Response("not found", { status: 404 });
    if (!this.blobs.has(rest)) return new Response("no blob", { status: 404 });
    if (request.method === "HEAD") return new Response(null);
    if (cdn !== undefined) {
      return new Response(null, { status: 307, headers: { location: `${url.protocol}//${cdn}/${rest}` } });
    }
    return this.#blobContent(request, rest);
  }

  async #manifest(request: Request, name: string): Promise<Response> {
    if (request.method === "PUT") {
      this.manifests.set(name, new Uint8Array(await request.arrayBuffer()));
      return new Response(null, { status: 201 });
    }
    const bytes = this.manifests.get(name);
    return bytes === undefined ? new Response("none", { status: 404 }) : new Response(bytes);
  }

  async #upload(request: Request, url: URL): Promise<Response> {
    if (request.method === "POST") {
      const id = crypto.randomUUID();
      this.#uploads.set(id, new Uint8Array());
      return new Response(null, { status: 202, headers: { location: `${url.pathname}${id}?state=1` } });
    }
    const id = url.pathname.split("/").pop() ?? "";
    if (request.method === "PATCH") {
      this.#uploads.set(id, new Uint8Array(await request.arrayBuffer()));
      return new Response(null, { status: 202, headers: { location: url.pathname + url.search } });
    }
    const { digest } = this.addBlob(this.#uploads.get(id) ?? new Uint8Array());
    return new Response(null, { status: digest === url.searchParams.get("digest") ? 201 : 400 });
  }

  #blobContent(request: Request, digest: string): Response {
    let bytes = this.blobs.get(digest);
    if (bytes === undefined) return new Response("no blob", { status: 404 });
    if (this.script.corrupt) bytes = this.script.corrupt(bytes);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
    if (from === undefined || !this.script.ranges) {
      return new Response(this.#stream(bytes), { headers: { "content-length": String(bytes.length) } });
    }
    const [start, end] = [Number(from), Number(to) + 1];
    const headers = {
      "content-range": `bytes ${start}-${end - 1}/${bytes.length}`,
      "content-length": String(end - start),
    };
    return new Response(this.#stream(bytes.subarray(start, end)), { status: 206, headers });
  }

  #stream(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { piece, pauseMs, cut } = this.script;
    const limit = cut !== undefined && cut.times > 0 ? cut.bytes : Infinity;
    if (cut !== undefined && cut.times > 0) cut.times--;
    let at = 0;
    return new ReadableStream({
      pull: async (controller) => {
        if (at >= bytes.length) return controller.close();
        if (at >= limit) return controller.error(new TypeError("connection reset"));
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        controller.enqueue(bytes.slice(at, at += piece));
      },
    });
  }
}

/** Bytes that look random and are the same for the same seed. */
export function patternBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
