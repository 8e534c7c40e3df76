/** Names that lead out of a folder, in all the ways that servers have been fooled by. */

/**
 * The names.
 * @param outside absolute path of a file that exists outside
 * @param relative the same file as seen from the folders that names belong to
 */
export function foreignNames(outside: string, relative: string): string[] {
  const encoded = relative.replaceAll("/", "%2f").replaceAll("..", "%2e%2e");
  return [
    outside,
    relative,
    `./${relative}`,
    `x/../${relative}`,
    `llama/../../${relative}`,
    `${relative}\0.gguf`,
    `\0${outside}`,
    encoded,
    encoded.replaceAll("%", "%25"),
    relative.replaceAll("/", "\\"),
    relative.replaceAll("/", "／").replaceAll("..", "．．"),
    relative.replaceAll("../", "....//"),
    `file://${outside}`,
    `//localhost${outside}`,
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "/proc/self/environ",
    "C:\\Windows\\win.ini",
    "~/.ssh/id_rsa",
    "..",
    ".",
    "/",
    `${"../".repeat(3000)}etc/passwd`,
    "x".repeat(100_000),
    "\ud800/../x",
  ];
}
