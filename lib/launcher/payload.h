/* What the executable carries behind the launcher: files, and how the program among them is started. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdint.h>
#include <sys/types.h>

#include "sha256.h"

#define NAME "llamacpp-server"
#define LINES_MAX 1024 /* of each kind in the index */

typedef struct {
  char *sha256, *path; /* path: below the folder it is unpacked to */
  const unsigned char *bytes;
  uintmax_t size;
  mode_t mode;
} packed_file;

typedef struct {
  char id[SHA256_HEX]; /* SHA-256 of the index: two executables with the same one carry the same */
  packed_file files[LINES_MAX];
  char *arguments[LINES_MAX][2]; /* command, argument */
  char *variables[LINES_MAX];    /* NAME=VALUE */
  char *collected[LINES_MAX][2]; /* variable, flag whose values go into it */
  int file_count, argument_count, variable_count, collected_count;
} payload;

/* Reads the index of this program's own file; ends the program when it is cut short or damaged. The bytes of the files
   are not compared with their hashes yet. */
void read_payload(payload *carried, const char *self);

/* Ends the program with a message. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A new string. Strings are never freed: the launcher lives for a moment. */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

void hash_of(const void *bytes, size_t size, char hex[SHA256_HEX]);

#endif
