/*
 * The front of the self-extracting executable: finds what lies behind it in the same file, unpacks that once and turns
 * into the program that was unpacked. It knows nothing of that program: arguments and environment stand in the index.
 * Linked statically, so that it runs where there is no other program; lib/README.md describes the whole.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "payload.h"
#include "unpacking.h"

#if defined(__x86_64__)
#define LIBRARY_FOLDERS "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"
#else
#define LIBRARY_FOLDERS "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu"
#endif

static payload carried;

/* Puts the environment's value in the place of each $NAME. */
static char *expanded(const char *from) {
  char *result = text("%s", "");
  while (*from) {
    size_t plain = strcspn(from, "$");
    size_t name = from[plain] ? strspn(from + plain + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") : 0;
    const char *value = name ? getenv(strndup(from + plain + 1, name)) : NULL;
    result = text("%s%.*s%s", result, (int)plain, from, value ? value : "");
    from += plain + (from[plain] ? 1 + name : 0);
  }
  return result;
}

static bool system_has(const char *library) {
  static const char *folders[] = {LIBRARY_FOLDERS, "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (access(text("%s/%s", folders[i], library), R_OK) == 0) return true;
  return false;
}

/* The compiler's libraries in runtime/ stand in only where the system lacks one: its own may be newer. */
static void lend_libraries(const char *folder) {
  const char *path = getenv("LD_LIBRARY_PATH");
  for (int i = 0; i < carried.file_count; i++) {
    const char *library = carried.files[i].path + strlen("runtime/");
    if (strncmp(carried.files[i].path, "runtime/", strlen("runtime/")) || system_has(library)) continue;
    setenv("LD_LIBRARY_PATH", text("%s%s%s/runtime", path ? path : "", path && *path ? ":" : "", folder), 1);
    return;
  }
}

/* Appends ",VALUE" to a variable for each `FLAG VALUE` and `FLAG=VALUE` on the command line; a name without dashes
   means the environment's value. */
static void collect(const char *variable, const char *flag, int argc, char **argv) {
  const size_t length = strlen(flag);
  const char *value = *flag == '-' ? NULL : getenv(flag);
  for (int i = 0; i < argc; i++) {
    if (i > 0 && !strncmp(argv[i], flag, length) && argv[i][length] == '=') value = argv[i] + length + 1;
    if (i > 0 && !strcmp(argv[i], flag)) value = argv[i + 1];
    const char *before = getenv(variable);
    if (value && *value) setenv(variable, text("%s,%s", before ? before : "", value), 1);
    value = NULL;
  }
}

/* A command without lines of its own in the index has those of "*"; flags without a command are serve's. */
static char **arguments_for(int argc, char **argv) {
  const char *command = argc > 1 && *argv[1] != '-' ? argv[1] : "serve", *group = "*";
  char **list = calloc((size_t)(carried.argument_count + argc + 1), sizeof *list);
  if (list == NULL) die("out of memory");
  int count = 0;
  for (int i = 0; i < carried.argument_count; i++)
    if (!strcmp(carried.arguments[i][0], command)) group = command;
  for (int i = 0; i < carried.argument_count; i++)
    if (!strcmp(carried.arguments[i][0], group)) list[count++] = expanded(carried.arguments[i][1]);
  for (int i = 1; i < argc; i++) list[count++] = argv[i];
  return list;
}

int main(int argc, char **argv) {
  static char self[PATH_MAX];
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) die("needs /proc: mount it (mount -t proc proc /proc)");
  read_payload(&carried, self);
  char *folder = unpacked_folder(&carried, self);
  setenv("LLAMACPP_SERVER_EXECUTABLE", self, 1);
  setenv("LLAMACPP_SERVER_UNPACKED", folder, 1);
  for (int i = 0; i < carried.collected_count; i++) unsetenv(carried.collected[i][0]);
  for (int i = 0; i < carried.collected_count; i++)
    collect(carried.collected[i][0], carried.collected[i][1], argc, argv);
  for (int i = 0; i < carried.variable_count; i++) putenv(expanded(carried.variables[i]));
  lend_libraries(folder);
  char *program = text("%s/" NAME, folder);
  execv(program, arguments_for(argc, argv));
  if (errno == ENOENT) die("cannot start \"%s\": this system has no glibc (its loader is missing)", program);
  die("cannot start \"%s\": %s", program, strerror(errno));
}
