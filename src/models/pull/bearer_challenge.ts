/** The token flow of container registries: a 401 says where a token for the wanted scope is given out. */

import { ServerError } from "../../core/server_error.ts";

/** A `WWW-Authenticate: Bearer` header. */
export interface BearerChallenge {
  realm: string;
  service: string | undefined;
  scope: string | undefined;
}

/** Parses the header; undefined when it asks for something else. */
export function parseChallenge(header: string | null): BearerChallenge | undefined {
  const match = /^\s*Bearer\s+(.*)$/i.exec(header ?? "");
  if (match === null) return undefined;
  const values = new Map<string, string>();
  for (
    const [, key = "", quoted, plain] of (match[1] ?? "").matchAll(/([a-z_]+)=(?:"([^"]*)"|([^\s,"]+))/gi)
  ) {
    values.set(key.toLowerCase(), quoted ?? plain ?? "");
  }
  const realm = values.get("realm");
  if (realm === undefined) return undefined;
  return { realm, service: values.get("service"), scope: values.get("scope") };
}

/**
 * Where to ask for the token. Only the registry's own host is asked, and never over plain HTTP when the registry was
 * reached over HTTPS: a registry must not be able to send us elsewhere.
 * @throws ServerError `forbidden`
 */
export function tokenUrl({ realm, service, scope }: BearerChallenge, registry: URL): URL {
  let url: URL;
  try {
    url = new URL(realm);
  } catch (cause) {
    throw new ServerError(
      "forbidden",
      `Cannot sign in: the registry names the realm ${JSON.stringify(realm)}`,
      {
        cause,
      },
    );
  }
  const downgraded = registry.protocol === "https:" && url.protocol !== "https:";
  if (url.hostname !== registry.hostname || downgraded || !/^https?:$/.test(url.protocol)) {
    throw new ServerError(
      "forbidden",
      `Cannot sign in: the registry ${registry.host} sends us to ${url.origin} for a token`,
    );
  }
  if (service !== undefined) url.searchParams.set("service", service);
  for (const each of scope?.split(" ") ?? []) url.searchParams.append("scope", each);
  return url;
}
