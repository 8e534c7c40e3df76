/** The application in this process, for managing models while no server runs. No model is loaded, no port opened. */

import { createApp } from "../http/app.ts";
import { InferencePipeline } from "../pipeline/inference_pipeline.ts";
import type { Ask } from "./client.ts";
import type { CommandCall } from "./command.ts";
import { openLocalModels } from "./local_models.ts";

/** Takes requests to an application made of the command's options. */
export function offlineAsk({ options, version, terminal }: CommandCall): Ask {
  const pipeline = new InferencePipeline(options.ctxSize);
  const models = openLocalModels(
    options,
    (message) => terminal.err(`Warning: ${message}\n`),
  );
  const app = createApp(pipeline, {
    version,
    models,
    defaults: {
      overflow: options.overflow,
      maxTokens: options.predict,
      sampling: options.sampling,
    },
  });
  return async (path, init) => {
    const response = await app.fetch(
      new Request(`http://127.0.0.1${path}`, init),
    );
    if (response.status !== 503) return response;
    // Without a model in memory every name that is not stored is one that "is still loading".
    await response.body?.cancel();
    const name = nameIn(init.body);
    return Response.json({
      error: name === undefined ? "no model is loaded" : `model '${name}' not found`,
    }, {
      status: 404,
    });
  };
}

function nameIn(body: RequestInit["body"]): string | undefined {
  if (typeof body !== "string") return undefined;
  const { model } = JSON.parse(body) as { model?: unknown };
  return typeof model === "string" ? model : undefined;
}
