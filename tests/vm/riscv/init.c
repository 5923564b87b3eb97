// SPDX-License-Identifier: Apache-2.0
// The riscv64 guest's first and only program: says what Linux has made of the IOMMU's function, lets the IOMMU refuse
// one access, loads the driver of the function behind it (driver/), and ends the machine as it is, without the shutdown
// in which the driver would switch the IOMMU off.
//
// The report goes to the console, one line each: `aperture TOKEN WORD ...` with the token of the kernel's command line.
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"

// RISC-V IOMMU, chapter 6: a translation for debugging, whose fault is reported like any other.
enum { TR_REQ_IOVA = 600, TR_REQ_CTL = 608, FQH = 48, FQT = 52, PAGE = 4096 };
static const uint64_t kGo = 1, kReadOnly = 8;
static const uint64_t kNobody = 0x0abcde;  // a device_id without a context
static const uint64_t kIova = 0x123456000;

static char token[64];

static void report(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("aperture %s ", token);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
}

static void read_token(void) {
  static const char kKey[] = "aperture.token=";
  char line[4096] = "";
  FILE* file = fopen("/proc/cmdline", "r");
  if (file == NULL) return;
  if (fgets(line, sizeof line, file) != NULL) {
    const char* found = strstr(line, kKey);
    if (found != NULL) sscanf(found + sizeof kKey - 1, "%63s", token);
  }
  fclose(file);
}

// An attribute of a PCI function, as a number; 0 if there is none.
static unsigned long attribute(const char* function, const char* name) {
  char path[512], text[32] = "";
  snprintf(path, sizeof path, DEVICES "/%s/%s", function, name);
  FILE* file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fgets(text, sizeof text, file) == NULL) text[0] = 0;
  fclose(file);
  return strtoul(text, NULL, 0);
}

// The first function with these ids; 0: there is none.
static int find(unsigned long vendor, unsigned long device, char* function, size_t size) {
  DIR* folder = opendir(DEVICES);
  int found = 0;
  if (folder == NULL) return 0;
  for (struct dirent* entry = readdir(folder); entry != NULL && !found; entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    found = attribute(entry->d_name, "vendor") == vendor && attribute(entry->d_name, "device") == device;
    if (found) snprintf(function, size, "%s", entry->d_name);
  }
  closedir(folder);
  return found;
}

static void report_driver(const char* function) {
  char path[512], target[512] = "";
  snprintf(path, sizeof path, DEVICES "/%s/driver", function);
  const ssize_t length = readlink(path, target, sizeof target - 1);
  const char* name = length > 0 ? strrchr(target, '/') : NULL;
  report("driver %s", name == NULL ? "none" : name + 1);
}

static void report_registration(void) {
  DIR* folder = opendir("/sys/class/iommu");
  if (folder == NULL) return;
  for (struct dirent* entry = readdir(folder); entry != NULL; entry = readdir(folder))
    if (entry->d_name[0] != '.') report("registered %s", entry->d_name);
  closedir(folder);
}

// The kernel's driver is to hear of it by its interrupt, and to take the record from its queue.
static int refuse_one_access(const char* function) {
  char path[512];
  snprintf(path, sizeof path, DEVICES "/%s/resource0", function);
  const int file = open(path, O_RDWR | O_SYNC);
  if (file < 0) return 1;
  volatile uint8_t* page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page == MAP_FAILED) return 2;
  const uint32_t before = *(volatile uint32_t*)(page + FQT);
  *(volatile uint64_t*)(page + TR_REQ_IOVA) = kIova;
  *(volatile uint64_t*)(page + TR_REQ_CTL) = kNobody << 40 | kReadOnly | kGo;
  for (int tenths = 0; tenths < 600; ++tenths) {
    const uint32_t head = *(volatile uint32_t*)(page + FQH), tail = *(volatile uint32_t*)(page + FQT);
    if (tail != before && head == tail) return 0;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  return 3;
}

// The driver's probe does all that is to be done.
static void load_driver(const char* function) {
  char path[512], name[64];
  int code = 0;
  const int file = open("/aperture_dma.ko", O_RDONLY);
  report("end module exit %d", file < 0 || syscall(SYS_finit_module, file, "", 0) != 0);
  snprintf(path, sizeof path, DEVICES "/%s/steps", function);
  FILE* steps = fopen(path, "r");
  while (steps != NULL && fscanf(steps, "%63s %d", name, &code) == 2) report("end %s exit %d", name, code);
  if (steps != NULL) fclose(steps);
}

static void show(const char* path) {
  char line[512];
  FILE* file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) fputs(line, stdout);
  if (file != NULL) fclose(file);
}

int main(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  const int console = open("/dev/console", O_RDWR);
  for (int fd = 0; console >= 0 && fd < 3; ++fd) dup2(console, fd);
  setvbuf(stdout, NULL, _IOLBF, 0);
  read_token();
  report("init");

  char function[256] = "";
  if (find(0x1efd, 0x0008, function, sizeof function)) {
    report("card %s", function);
    report_driver(function);
    report_registration();
    report("end fault exit %d", refuse_one_access(function));
  }
  if (find(0x1234, 0xa9e8, function, sizeof function)) load_driver(function);
  show("/proc/interrupts");
  report("done");
  fflush(stdout);
  sleep(1);  // for what is still on its way to the console
  const int sysrq = open("/proc/sysrq-trigger", O_WRONLY);
  if (sysrq < 0 || write(sysrq, "b", 1) != 1) return 1;
  for (;;) pause();
}
