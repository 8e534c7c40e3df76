/** `push MODEL`: uploads a model to the registry in its name. */

import { transferCommand } from "../transfer_command.ts";

export const push = transferCommand("push");
