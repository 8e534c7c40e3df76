/** A folder that is gone when its user is done. */
export class TemporaryFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "llamacpp-server-test-" });

  /** A path below it. */
  file(...parts: string[]): string {
    return [this.path, ...parts].join("/");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Every file below a folder, relative, sorted. */
export function filesBelow(folder: string): string[] {
  const files: string[] = [];
  const visit = (path: string, prefix: string) => {
    for (const entry of Deno.readDirSync(path)) {
      const name = prefix + entry.name;
      if (entry.isDirectory) visit(`${path}/${entry.name}`, `${name}/`);
      else files.push(name);
    }
  };
  visit(folder, "");
  return files.sort();
}
