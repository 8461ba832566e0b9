// Wrong clocks and bad disks for a real process: loaded before the C library (LD_PRELOAD), it stands
// between the server and the calls named below. What goes wrong is in a file of 64-bit numbers that
// the test maps and changes while the process runs (CLUSTRON_FAULTS names it; tests/support/shim.py).
//
// It makes system calls itself, so that it needs nothing of the library that it stands before.
// THREAD: any; the numbers are read with each call.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
  kWallAheadMs,    // CLOCK_REALTIME shows so much more
  kDriftPpm,       // CLOCK_MONOTONIC and CLOCK_BOOTTIME run so much faster; fixed at the start
  kSyncErrors,     // the next so many fsyncs and fdatasyncs fail with EIO
  kSyncStallMs,    // each of them takes so much longer
  kShortWrites,    // every so-manieth write to a file writes half
  kWriteStallMs,   // each takes so much longer
  kSyncs,          // counted: calls of each kind
  kWrites,
  kWrittenShort,
  kSyncErrorsMade,
  kNumbers
};

static volatile int64_t *numbers;
static int64_t drift_ppm;
static int64_t start_ns[16];

static int64_t NsOf(const struct timespec *ts) { return ts->tv_sec * 1000000000LL + ts->tv_nsec; }

__attribute__((constructor)) static void Begin(void) {
  const char *path = getenv("CLUSTRON_FAULTS");
  if (path == NULL) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void *map = mmap(NULL, kNumbers * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  close(fd);
  drift_ppm = ((int64_t *)map)[kDriftPpm];
  const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_COARSE};
  for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; ++i) {
    struct timespec ts;
    syscall(SYS_clock_gettime, clocks[i], &ts);
    start_ns[clocks[i]] = NsOf(&ts);
  }
  numbers = map;
}

static void Stall(int64_t ms) {
  if (ms <= 0) return;
  const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
  syscall(SYS_nanosleep, &ts, NULL);
}

static int64_t Count(int what) {
  return __atomic_add_fetch((int64_t *)&numbers[what], 1, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
  const int result = (int)syscall(SYS_clock_gettime, clock, ts);
  if (result != 0 || numbers == NULL) return result;
  int64_t ns = NsOf(ts);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
    ns += numbers[kWallAheadMs] * 1000000;
  } else if (clock >= 0 && clock < 16 && start_ns[clock] != 0) {
    ns += (ns - start_ns[clock]) / 1000 * drift_ppm / 1000;
  } else {
    return 0;
  }
  ts->tv_sec = ns / 1000000000;
  ts->tv_nsec = ns % 1000000000;
  return 0;
}

static int Sync(long call, int fd) {
  if (numbers == NULL) return (int)syscall(call, fd);
  Count(kSyncs);
  Stall(numbers[kSyncStallMs]);
  if (numbers[kSyncErrors] > 0) {
    __atomic_sub_fetch((int64_t *)&numbers[kSyncErrors], 1, __ATOMIC_RELAXED);
    Count(kSyncErrorsMade);
    errno = EIO;
    return -1;
  }
  return (int)syscall(call, fd);
}
int fsync(int fd) { return Sync(SYS_fsync, fd); }
int fdatasync(int fd) { return Sync(SYS_fdatasync, fd); }

// How much of a write to a file is to be written.
static size_t Part(size_t size) {
  if (numbers == NULL) return size;
  const int64_t count = Count(kWrites);
  Stall(numbers[kWriteStallMs]);
  const int64_t every = numbers[kShortWrites];
  if (every <= 0 || count % every != 0 || size < 2) return size;
  Count(kWrittenShort);
  return size / 2;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) {
  return syscall(SYS_pwrite64, fd, data, Part(size), offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  return pwrite64(fd, data, size, offset);
}
