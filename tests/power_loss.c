/*
 * Keeps what a disk would hold after a power cut: nothing of a file but what was synced, no name in a folder but those
 * that were there when the folder was synced. Preloaded into a process (LD_PRELOAD), told by its environment:
 *
 *   POWER_LOSS_ROOT    the folder that stands for the disk
 *   POWER_LOSS_STORE   the folder that gets the durable state: `i-INODE` for a file's bytes, `d-INODE` for the names in a
 *                      folder; tests/power_loss.py fills it at the start, and makes a disk of it after the cut
 *   POWER_LOSS_AT      KIND:WHEN:N, where KIND is write or sync and WHEN before, half (of a write) or after: this process
 *                      is killed at its N-th call of the kind below the root; without it, never
 *   POWER_LOSS_IGNORE  syncs of paths that end like this are reported as done and are not: the broken twin
 *
 * A file's name and its bytes are kept apart, as file systems do: a name that was synced leads to the inode, and the
 * inode's bytes are those of its own last sync. Inodes are held open, so that no number is given away twice. What is
 * written through a mapping is not seen; SQLite maps the index of its log alone, which it makes anew.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES = 4096 };

struct dirty {
    ino_t inode;
    off_t from, to; /* what was written since the last sync lies between these */
    int whole;      /* nothing was copied yet, or the file was cut: the next sync copies all */
    int held;       /* a descriptor holds the inode */
};

static struct dirty files[FILES];
static int known;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *store, *ignored;
static char kind[8], when[8];
static long left;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);

static void give_up(const char *what) {
    dprintf(2, "power_loss: %s: %s\n", what, strerror(errno));
    _exit(97);
}

__attribute__((constructor)) static void begin(void) {
    if (real_write) return;
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    root = getenv("POWER_LOSS_ROOT");
    store = getenv("POWER_LOSS_STORE");
    ignored = getenv("POWER_LOSS_IGNORE");
    const char *at = getenv("POWER_LOSS_AT");
    if (at && sscanf(at, "%7[a-z]:%7[a-z]:%ld", kind, when, &left) != 3) give_up("POWER_LOSS_AT");
}

/* The path of a descriptor, when it lies below the root. */
static int is_ours(int fd, char *path) {
    char link[64];
    if (!root || !store || fd < 0) return 0;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    errno = before;
    if (length <= 0) return 0;
    path[length] = 0;
    size_t prefix = strlen(root);
    return strncmp(path, root, prefix) == 0 && (path[prefix] == '/' || path[prefix] == 0);
}

/* Whether this call is the one to die at; it is counted. Only the process that was started dies: children never write. */
static int is_last(const char *which) {
    return left > 0 && strcmp(kind, which) == 0 && --left == 0;
}

static void cut(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static struct dirty *entry(ino_t inode) {
    for (int i = 0; i < known; i++)
        if (files[i].inode == inode) return &files[i];
    if (known == FILES) {
        errno = ENFILE;
        give_up("too many files");
    }
    files[known] = (struct dirty){inode, 0, 0, 1, 0};
    return &files[known++];
}

static void note(int fd, off_t from, off_t to) {
    struct stat facts;
    if (fstat(fd, &facts) || !S_ISREG(facts.st_mode)) return;
    struct dirty *each = entry(facts.st_ino);
    if (each->from == each->to) {
        each->from = from;
        each->to = to;
        return;
    }
    if (from < each->from) each->from = from;
    if (to > each->to) each->to = to;
}

static void copy(int source, int target, off_t from, off_t to) {
    char piece[65536];
    while (from < to) {
        size_t wanted = to - from < (off_t)sizeof piece ? (size_t)(to - from) : sizeof piece;
        ssize_t got = pread(source, piece, wanted, from);
        if (got < 0) give_up("read back");
        if (got == 0) return;
        if (real_pwrite(target, piece, got, from) != got) give_up("keep");
        from += got;
    }
}

static void keep_file(int fd, const struct stat *facts) {
    char name[PATH_MAX];
    struct dirty *each = entry(facts->st_ino);
    int reader = fd;
    if (!each->held && fcntl(fd, F_DUPFD_CLOEXEC, 3) < 0) give_up("hold a file");
    each->held = 1;
    /* Only what is open for writing alone is opened again: closing a file drops the locks that SQLite took on it. */
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        reader = open(name, O_RDONLY | O_CLOEXEC);
        if (reader < 0) give_up("open again");
    }
    snprintf(name, sizeof name, "%s/i-%lu", store, (unsigned long)facts->st_ino);
    int target = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (target < 0) give_up(name);
    if (each->whole)
        copy(reader, target, 0, facts->st_size);
    else
        copy(reader, target, each->from, each->to < facts->st_size ? each->to : facts->st_size);
    if (real_ftruncate(target, facts->st_size)) give_up("cut");
    close(target);
    if (reader != fd) close(reader);
    each->from = each->to = each->whole = 0;
}

static void hold(int folder, const char *name, ino_t inode) {
    struct dirty *each = entry(inode);
    if (!each->held && openat(folder, name, O_PATH | O_CLOEXEC) < 0) give_up("hold a name");
    each->held = 1;
}

static void keep_folder(const char *path, const struct stat *facts) {
    char name[PATH_MAX], fresh[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s/d-%lu", store, (unsigned long)facts->st_ino);
    snprintf(fresh, sizeof fresh, "%s.new", name);
    FILE *list = fopen(fresh, "we");
    DIR *folder = opendir(path);
    if (!list || !folder) give_up(path);
    for (struct dirent *each; (each = readdir(folder));) {
        if (each->d_type != DT_REG && each->d_type != DT_DIR) continue;
        if (!strcmp(each->d_name, ".") || !strcmp(each->d_name, "..")) continue;
        fprintf(list, "%c %lu %s\n", each->d_type == DT_DIR ? 'd' : 'f', (unsigned long)each->d_ino, each->d_name);
        hold(dirfd(folder), each->d_name, each->d_ino);
    }
    closedir(folder);
    if (fclose(list) || rename(fresh, name)) give_up(name);
}

static int sync_by(int (**real)(int), int fd) {
    char path[PATH_MAX];
    begin();
    if (!is_ours(fd, path)) return (*real)(fd);
    pthread_mutex_lock(&mutex);
    int last = is_last("sync");
    if (last && strcmp(when, "after")) cut();
    size_t length = strlen(path), tail = ignored ? strlen(ignored) : 0;
    struct stat facts;
    int skipped = tail && length >= tail && !strcmp(path + length - tail, ignored);
    if (!skipped && !fstat(fd, &facts)) {
        if (S_ISDIR(facts.st_mode)) keep_folder(path, &facts);
        if (S_ISREG(facts.st_mode)) keep_file(fd, &facts);
    }
    if (last) cut();
    pthread_mutex_unlock(&mutex);
    return 0; /* the disk below is real and need not be waited for */
}

int fsync(int fd) { return sync_by(&real_fsync, fd); }
int fdatasync(int fd) { return sync_by(&real_fdatasync, fd); }

static ssize_t write_at(int fd, const void *data, size_t size, off_t at, int placed) {
    char path[PATH_MAX];
    begin();
    if (!is_ours(fd, path)) return placed ? real_pwrite(fd, data, size, at) : real_write(fd, data, size);
    pthread_mutex_lock(&mutex);
    int last = is_last("write");
    if (last && !strcmp(when, "before")) cut();
    size_t now = last && !strcmp(when, "half") ? size / 2 : size;
    ssize_t done = placed ? real_pwrite(fd, data, now, at) : real_write(fd, data, now);
    int before = errno;
    if (done > 0) {
        off_t end = placed ? at + done : lseek(fd, 0, SEEK_CUR);
        note(fd, end - done, end);
    }
    if (last) cut();
    pthread_mutex_unlock(&mutex);
    errno = before;
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return write_at(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return write_at(fd, data, size, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return write_at(fd, data, size, at, 1); }

static int cut_to(int fd, off_t length) {
    char path[PATH_MAX];
    begin();
    if (!is_ours(fd, path)) return real_ftruncate(fd, length);
    pthread_mutex_lock(&mutex);
    int done = real_ftruncate(fd, length);
    int before = errno;
    struct stat facts;
    if (!fstat(fd, &facts)) entry(facts.st_ino)->whole = 1;
    pthread_mutex_unlock(&mutex);
    errno = before;
    return done;
}

int ftruncate(int fd, off_t length) { return cut_to(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut_to(fd, length); }

/* Ways of writing that are not followed: who takes one is told, so that no test passes by not looking. */
static int refuse(int fd, const char *call) {
    char path[PATH_MAX];
    if (!is_ours(fd, path)) return 0;
    dprintf(2, "power_loss: %s(%s) is not followed\n", call, path);
    _exit(98);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    refuse(fd, "writev");
    return real(fd, parts, count);
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t size) {
    static ssize_t (*real)(int, int, off64_t *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendfile64");
    refuse(to, "sendfile");
    return real(to, from, at, size);
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *put, size_t size, unsigned flags) {
    static ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned);
    if (!real) real = dlsym(RTLD_NEXT, "copy_file_range");
    refuse(to, "copy_file_range");
    return real(from, at, to, put, size, flags);
}
