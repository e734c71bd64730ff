// Maps a large file of /dev/shm into many processes at once. The kernel needs seconds to take them down again.
// usage: slowDeath BYTES PROCESSES
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int count, char** words) {
  if (count != 3) return 2;
  size_t bytes = strtoull(words[1], 0, 10);
  int file = open("/dev/shm/haet-ballast", O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, bytes) != 0) return 3;
  for (int left = atoi(words[2]); left > 0; left--) {
    if (fork() != 0) continue;
    mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    for (;;) pause();
  }
  for (;;) pause();
}
