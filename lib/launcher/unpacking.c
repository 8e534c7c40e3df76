/*
 * A place (~/.cache/llamacpp-server) has one folder for each payload, named by its id, and a lock. Always holds: what
 * another user could have written is not used, nor a file whose content is not the index's. Contents are hashed once
 * per boot; after that size, inode and times must be those of the seal. A folder appears in one step, by renaming.
 */
#define _GNU_SOURCE
#include "unpacking.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const payload *carried;
static const char *self;
static char refusals[8192]; /* a line for each place that could not be used */

/* Notes why a place cannot be used. */
static bool refuse(const char *place, const char *reason) {
  size_t used = strlen(refusals);
  snprintf(refusals + used, sizeof refusals - used, "\n  %s: %s", place, reason);
  return false;
}

static char *file_start(const char *path, char *buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t got = fd < 0 ? -1 : read(fd, buffer, size - 1);
  if (fd >= 0) close(fd);
  buffer[got < 0 ? 0 : got] = 0;
  return buffer;
}

/* Nobody but this user and root can have written it. */
static bool is_private(const struct stat *info) {
  return (info->st_uid == geteuid() || info->st_uid == 0) && !(info->st_mode & (S_IWGRP | S_IWOTH));
}

/* What the seal holds: a hash over all files as the file system describes them. False: one is missing or was changed. */
static bool seal_of(const char *entry, char seal[SHA256_HEX]) {
  char boot[64];
  struct stat info;
  sha256 hash;
  if (lstat(entry, &info) != 0 || !S_ISDIR(info.st_mode) || !is_private(&info)) return false;
  sha256_begin(&hash);
  file_start("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  sha256_add(&hash, boot, strlen(boot));
  for (int i = 0; i < carried->file_count; i++) {
    char *path = text("%s/%s", entry, carried->files[i].path);
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || !is_private(&info)) return false;
    if ((uintmax_t)info.st_size != carried->files[i].size || (info.st_mode & 0777) != carried->files[i].mode) return false;
    char *facts = text("%s %ju %jd.%09ld %jd.%09ld\n", path, (uintmax_t)info.st_ino, (intmax_t)info.st_mtim.tv_sec,
                       info.st_mtim.tv_nsec, (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
    sha256_add(&hash, facts, strlen(facts));
    free(facts);
    free(path);
  }
  sha256_end(&hash, seal);
  return true;
}

static bool is_sealed(const char *entry) {
  char now[SHA256_HEX], then[SHA256_HEX], *path = text("%s/.seal", entry);
  return seal_of(entry, now) && !strcmp(now, file_start(path, then, sizeof then));
}

/* A seal that cannot be written costs time at the next start, nothing else. */
static void write_seal(const char *entry) {
  char seal[SHA256_HEX], *path = text("%s/.seal", entry), *part = text("%s.%d", path, (int)getpid());
  FILE *file = seal_of(entry, seal) ? fopen(part, "wxe") : NULL;
  if (file == NULL) return;
  bool written = fputs(seal, file) >= 0;
  if (fclose(file) != 0 || !written || rename(part, path) != 0) unlink(part);
}

static bool has_right_contents(const char *entry) {
  char sum[SHA256_HEX];
  if (!seal_of(entry, sum)) return false;
  for (int i = 0; i < carried->file_count; i++) {
    int fd = open(text("%s/%s", entry, carried->files[i].path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t size = (size_t)carried->files[i].size;
    void *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0) close(fd);
    if (bytes == MAP_FAILED) return false;
    hash_of(bytes, size, sum);
    munmap(bytes, size);
    if (strcmp(sum, carried->files[i].sha256)) return false;
  }
  return true;
}

static void make_folders(char *path) {
  for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
    *slash = 0;
    mkdir(path, 0700);
  }
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info, (void)kind, (void)walk;
  return remove(path);
}

static void remove_tree(const char *path) { nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

/* What starts that were killed left behind; nobody else writes while the lock is held. */
static void remove_leftovers(const char *place) {
  DIR *folder = opendir(place);
  for (struct dirent *item; folder && (item = readdir(folder)) != NULL;)
    if (!strncmp(item->d_name, ".part-", 6)) remove_tree(text("%s/%s", place, item->d_name));
  if (folder) closedir(folder);
}

/* errno tells what went wrong; EBADMSG: the bytes in this program's own file are not the index's. */
static bool write_file(const char *folder, const packed_file *file) {
  const unsigned char *bytes = file->bytes;
  char sum[SHA256_HEX], *path = text("%s/%s", folder, file->path);
  hash_of(bytes, (size_t)file->size, sum);
  if (strcmp(sum, file->sha256)) return errno = EBADMSG, false;
  make_folders(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file->mode);
  if (fd < 0) return false;
  uintmax_t done = 0;
  while (done < file->size) {
    ssize_t wrote = write(fd, bytes + done, (size_t)(file->size - done));
    if (wrote < 0 && errno != EINTR) break;
    if (wrote > 0) done += (uintmax_t)wrote;
  }
  bool whole = done == file->size && fchmod(fd, file->mode) == 0;
  int reason = errno;
  if (close(fd) == 0 && whole) return true;
  return errno = whole ? errno : reason, false;
}

/* Writes everything beside the entry and puts it there in one step. Call with the lock held. */
static bool unpack(const char *place, const char *entry) {
  char *part = text("%s/.part-new", place), *old = text("%s/.part-old", place);
  remove_leftovers(place);
  if (mkdir(part, 0700) != 0) return refuse(place, strerror(errno));
  for (int i = 0; i < carried->file_count; i++) {
    if (write_file(part, &carried->files[i])) continue;
    int reason = errno;
    remove_tree(part);
    if (reason == EBADMSG) die("\"%s\" is damaged, %s in it is not what was written: copy it again", self, carried->files[i].path);
    return refuse(place, strerror(reason));
  }
  rename(entry, old); /* a damaged one, if any; programs that run from it keep their open files */
  if (rename(part, entry) != 0) return refuse(place, strerror(errno));
  write_seal(entry); /* after the renaming: it holds the files' paths */
  remove_tree(old);
  return true;
}

/* Makes sure that the files lie unpacked below `place`. */
static bool provide(const char *place, const char *entry) {
  struct stat info;
  struct statvfs mounted;
  make_folders(text("%s/", place));
  if (lstat(place, &info) != 0) return refuse(place, strerror(errno));
  if (S_ISLNK(info.st_mode) && info.st_uid == geteuid() && stat(place, &info) != 0) return refuse(place, strerror(errno));
  if (!S_ISDIR(info.st_mode)) return refuse(place, strerror(ENOTDIR));
  if (!is_private(&info)) return refuse(place, "other users can write there");
  if (statvfs(place, &mounted) == 0 && mounted.f_flag & ST_NOEXEC)
    return refuse(place, "programs cannot be run from there (mounted noexec)");
  if (is_sealed(entry)) return true;

  int lock = open(text("%s/.lock", place), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return has_right_contents(entry) || refuse(place, strerror(errno));
  flock(lock, LOCK_EX); /* where locks do not work, two starts may do the same work; a folder is still renamed whole */
  bool usable = is_sealed(entry);
  if (!usable && (usable = has_right_contents(entry))) write_seal(entry);
  if (!usable) usable = unpack(place, entry);
  close(lock);
  return usable;
}

char *unpacked_folder(const payload *what, const char *from) {
  carried = what;
  self = from;
  const char *chosen = getenv("LLAMACPP_SERVER_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  const char *temporary = getenv("TMPDIR");
  const int user = (int)geteuid();
  const char *places[] = {
      cache && *cache == '/' ? text("%s/" NAME, cache) : home && *home == '/' ? text("%s/.cache/" NAME, home) : NULL,
      text("%s/" NAME "-%d", temporary && *temporary == '/' ? temporary : "/tmp", user),
      text("/var/tmp/" NAME "-%d", user),
  };
  if (chosen && *chosen) {
    char *full = *chosen == '/' ? text("%s", chosen) : text("%s/%s", getcwd(NULL, 0), chosen);
    char *entry = text("%s/%s", full, carried->id);
    if (provide(full, entry)) return entry;
  } else {
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
      char *entry = places[i] ? text("%s/%s", places[i], carried->id) : NULL;
      if (entry && provide(places[i], entry)) return entry;
    }
  }
  uintmax_t needed = 0;
  for (int i = 0; i < carried->file_count; i++) needed += carried->files[i].size;
  die("cannot unpack, there is no place for %ju MB of files:%s\n"
      "LLAMACPP_SERVER_CACHE_DIR names another folder", (needed + 999999) / 1000000, refusals);
}

