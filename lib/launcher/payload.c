/* Finds the index by the last line of this program's own file and reads it; pack.ts says what stands in it. */
#define _GNU_SOURCE
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAILER_SIZE 122 /* bytes of the last line */
#define TRAILER_FORMAT NAME "-payload %16jx %16jx %64s"

void die(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  fputs(NAME ": ", stderr);
  vfprintf(stderr, format, rest);
  fputc('\n', stderr);
  exit(1);
}

char *text(const char *format, ...) {
  char *result;
  va_list rest;
  va_start(rest, format);
  if (vasprintf(&result, format, rest) < 0) die("out of memory");
  return result;
}

void hash_of(const void *bytes, size_t size, char hex[SHA256_HEX]) {
  sha256 hash;
  sha256_begin(&hash);
  sha256_add(&hash, bytes, size);
  sha256_end(&hash, hex);
}

static const unsigned char *image; /* this program's file */
static uintmax_t image_size;

static bool read_file_line(packed_file *file, char *hash, char *size, char *rest) {
  uintmax_t offset;
  unsigned mode;
  int path_at = 0;
  file->sha256 = hash;
  file->size = strtoumax(size, NULL, 10);
  if (sscanf(rest, "%ju\t%o\t%n", &offset, &mode, &path_at) < 2 || !path_at) return false;
  file->mode = (mode_t)mode;
  file->path = rest + path_at;
  file->bytes = image + offset;
  return offset <= image_size && file->size <= image_size - offset;
}

/* False: the line cannot be read. */
static bool read_index_line(payload *to, char *line) {
  char *kind = strsep(&line, "\t"), *first = strsep(&line, "\t"), *second = strsep(&line, "\t");
  if (to->file_count == LINES_MAX || to->argument_count == LINES_MAX) return false;
  if (to->variable_count == LINES_MAX || to->collected_count == LINES_MAX) return false;
  if (!strcmp(kind, "env") && first) {
    to->variables[to->variable_count++] = first;
    return true;
  }
  char *(*pair)[2] = NULL;
  if (!strcmp(kind, "arg")) pair = &to->arguments[to->argument_count++];
  if (!strcmp(kind, "collect")) pair = &to->collected[to->collected_count++];
  if (pair && second) {
    (*pair)[0] = first;
    (*pair)[1] = second;
    return true;
  }
  return !strcmp(kind, "file") && line && read_file_line(&to->files[to->file_count++], first, second, line);
}

void read_payload(payload *to, const char *self) {
  struct stat info;
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &info) != 0) die("cannot read its own file \"%s\": %s", self, strerror(errno));
  image_size = (uintmax_t)info.st_size;
  image = mmap(NULL, image_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (image == MAP_FAILED) die("cannot read its own file \"%s\": %s", self, strerror(errno));
  close(fd);

  char trailer[TRAILER_SIZE + 1] = "", sum[SHA256_HEX];
  uintmax_t offset, size;
  if (image_size > TRAILER_SIZE) memcpy(trailer, image + image_size - TRAILER_SIZE, TRAILER_SIZE);
  if (sscanf(trailer, TRAILER_FORMAT, &offset, &size, sum) != 3 || offset > image_size || size > image_size ||
      offset + size + TRAILER_SIZE != image_size)
    die("\"%s\" is not complete, it ends after %ju bytes: copy it again", self, image_size);
  hash_of(image + offset, size, to->id);
  if (strcmp(to->id, sum)) die("\"%s\" is damaged, its index is not what was written: copy it again", self);
  char *line, *index = strndup((const char *)image + offset, size);
  while ((line = strsep(&index, "\n")) != NULL)
    if (*line && !read_index_line(to, line)) die("\"%s\" has an index that cannot be read: \"%s\"", self, line);
}
