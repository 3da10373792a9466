/* Simulates a disk that can lose power, fill up and break, under a program that does not notice.
 *
 * Preloaded (LD_PRELOAD) into the server by `torture power` and `torture disk`. Every change to a
 * file in the folder MADANG_DISK is executed and also recorded in the journal MADANG_DISK_JOURNAL,
 * together with every sync. A sync only writes its record: it marks what a real disk would have kept.
 * After a kill the campaign computes from the journal what a disk would hold after a power cut.
 * MADANG_DISK_STATE names a file of one byte, the state of the disk: 'w' works, 'f' is full (writes
 * fail with ENOSPC), 'b' is broken (syncs fail with EIO). Without these variables nothing changes.
 *
 * It covers what SQLite does on Linux: open, pwrite, write, ftruncate, fsync, fdatasync, unlink.
 * Shared-memory files (-shm) and the lock file hold nothing that must survive, and are skipped.
 *
 * A record of the journal: kind (1 byte), file (1 byte, an index in the order of NAME records),
 * offset and length (8 bytes each, this machine's byte order), then `length` bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    NAME = 'n',     /* bytes: the file's name; offset: 1 when it was just created */
    WRITE = 'w',    /* bytes: written at offset */
    TRUNCATE = 't', /* offset: the new size */
    SYNC = 's',
    SYNC_FOLDER = 'd',
    UNLINK = 'u',
};

#define MAX_FILES 64
#define MAX_FDS 65536
#define NOTHING 0
#define FOLDER 255

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static int journal = -1;
static const volatile char *state;
static char names[MAX_FILES][NAME_MAX + 1];
static int file_count; /* files are numbered from 1 */
static unsigned char file_of[MAX_FDS];

static int (*next_open)(const char *, int, ...);
static int (*next_close)(int);
static ssize_t (*next_write)(int, const void *, size_t);
static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static int (*next_ftruncate)(int, off_t);
static int (*next_fsync)(int);
static int (*next_unlink)(const char *);

__attribute__((constructor)) static void init(void) {
    next_open = dlsym(RTLD_NEXT, "open64");
    next_close = dlsym(RTLD_NEXT, "close");
    next_write = dlsym(RTLD_NEXT, "write");
    next_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    next_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    next_fsync = dlsym(RTLD_NEXT, "fsync");
    next_unlink = dlsym(RTLD_NEXT, "unlink");

    const char *folder_path = getenv("MADANG_DISK"), *journal_path = getenv("MADANG_DISK_JOURNAL");
    const char *state_path = getenv("MADANG_DISK_STATE");
    if (!folder_path || !journal_path || !realpath(folder_path, folder)) return;
    journal = next_open(journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int state_fd = state_path ? next_open(state_path, O_RDONLY | O_CLOEXEC) : -1;
    if (state_fd >= 0) {
        void *shared = mmap(NULL, 1, PROT_READ, MAP_SHARED, state_fd, 0);
        if (shared != MAP_FAILED) state = shared;
        next_close(state_fd);
    }
}

static int is_state(char wanted) { return state && *state == wanted; }

static void record(enum kind kind, int file, uint64_t offset, const void *bytes, uint64_t length) {
    char header[18] = {kind, file};
    memcpy(header + 2, &offset, 8);
    memcpy(header + 10, &length, 8);
    struct iovec parts[2] = {{header, sizeof header}, {(void *)bytes, length}};
    /* An incomplete record would make the rest of the journal unreadable. */
    if (writev(journal, parts, 2) != (ssize_t)(sizeof header + length)) abort();
}

/* Returns the number of this file in the folder, if its content must survive. */
static int number_of_path(const char *path, int created) {
    char full[PATH_MAX];
    size_t length = strlen(folder);
    if (!realpath(path, full) || strncmp(full, folder, length)) return NOTHING;
    if (!full[length]) return FOLDER;
    const char *name = full + length + 1;
    size_t end = strlen(name);
    if (full[length] != '/' || end > NAME_MAX) return NOTHING;
    if (end > 4 && !strcmp(name + end - 4, "-shm")) return NOTHING;
    if (end > 5 && !strcmp(name + end - 5, ".lock")) return NOTHING;
    for (int file = 1; file <= file_count; file++) {
        if (strcmp(names[file - 1], name)) continue;
        if (created) record(NAME, file, 1, name, end);
        return file;
    }
    if (file_count == MAX_FILES) abort();
    strcpy(names[file_count++], name);
    record(NAME, file_count, created, name, end);
    return file_count;
}

static int open_recorded(const char *path, int flags, mode_t mode) {
    if (journal < 0) return next_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    int created = (flags & O_CREAT) && access(path, F_OK);
    int fd = next_open(path, flags, mode);
    if (fd >= 0 && fd < MAX_FDS) file_of[fd] = number_of_path(path, created);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                                     \
    int name(const char *path, int flags, ...) {                       \
        va_list rest;                                                  \
        va_start(rest, flags);                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                  \
        return open_recorded(path, flags, mode);                       \
    }
OPEN(open)
OPEN(open64)

static int file_of_fd(int fd) { return journal >= 0 && fd >= 0 && fd < MAX_FDS ? file_of[fd] : NOTHING; }

int close(int fd) {
    if (file_of_fd(fd)) file_of[fd] = NOTHING;
    return next_close(fd);
}

static ssize_t write_recorded(int fd, const void *bytes, size_t length, off_t offset) {
    if (is_state('f')) {
        errno = ENOSPC;
        return -1;
    }
    pthread_mutex_lock(&lock);
    ssize_t count = next_pwrite(fd, bytes, length, offset);
    if (count > 0) record(WRITE, file_of_fd(fd), offset, bytes, count);
    pthread_mutex_unlock(&lock);
    return count;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    int file = file_of_fd(fd);
    return file && file != FOLDER ? write_recorded(fd, bytes, length, offset) : next_pwrite(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    return pwrite(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    int file = file_of_fd(fd);
    if (!file || file == FOLDER) return next_write(fd, bytes, length);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t count = write_recorded(fd, bytes, length, offset);
    if (count > 0) lseek(fd, offset + count, SEEK_SET);
    return count;
}

int ftruncate64(int fd, off_t size) {
    int file = file_of_fd(fd);
    if (!file || file == FOLDER) return next_ftruncate(fd, size);
    pthread_mutex_lock(&lock);
    int failed = next_ftruncate(fd, size);
    if (!failed) record(TRUNCATE, file, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd) {
    int file = file_of_fd(fd);
    if (!file) return next_fsync(fd);
    if (is_state('b')) {
        errno = EIO;
        return -1;
    }
    pthread_mutex_lock(&lock);
    record(file == FOLDER ? SYNC_FOLDER : SYNC, file, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fdatasync(int fd) { return fsync(fd); }

int unlink(const char *path) {
    if (journal < 0) return next_unlink(path);
    pthread_mutex_lock(&lock);
    int file = number_of_path(path, 0);
    int failed = next_unlink(path);
    if (!failed && file && file != FOLDER) record(UNLINK, file, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed;
}
