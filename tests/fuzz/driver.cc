// Runs a fuzz target without libFuzzer: replays its corpus, then changes corpus entries from a
// seed, with g++ and within a test's time. `make fuzz` has the same targets under clang's
// libFuzzer.
//
//   TARGET [--runs N] [--seconds S] [--seed X] [--dict FILE] CORPUS_DIR_OR_FILE…
//
// What fails (a CHECK, a sanitizer's report, a signal) is first written to crash-TARGET in the
// working directory, so that it can be replayed by naming that file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using clustron::Rng;

constexpr size_t kInputBytesMax = 4096;

// The input at work, for the signal handler.
const std::string* current = nullptr;
std::string crash_path;

void SaveAndDie(int signal) {
  if (current != nullptr) {
    const int fd = open(crash_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd >= 0) {
      [[maybe_unused]] const ssize_t written = write(fd, current->data(), current->size());
      close(fd);
    }
    constexpr char kText[] = "the input that failed is in ";
    [[maybe_unused]] ssize_t ignored = write(2, kText, sizeof kText - 1);
    ignored = write(2, crash_path.data(), crash_path.size());
    ignored = write(2, "\n", 1);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void RunOne(const std::string& input) {
  current = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  current = nullptr;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Lines of the form name="text" or "text", with \xHH, \\ and \" as libFuzzer's dictionaries.
std::vector<std::string> ReadDictionary(const std::string& path) {
  std::vector<std::string> words;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t open = line.find('"');
    const size_t close = line.rfind('"');
    if (line.starts_with('#') || open == std::string::npos || close <= open) continue;
    std::string word;
    for (size_t i = open + 1; i < close; ++i) {
      if (line[i] == '\\' && line[i + 1] == 'x') {
        word.push_back(static_cast<char>(std::strtoul(line.substr(i + 2, 2).c_str(), nullptr, 16)));
        i += 3;
      } else {
        if (line[i] == '\\') ++i;
        word.push_back(line[i]);
      }
    }
    words.push_back(word);
  }
  return words;
}

// One change: what finds most in formats made of lengths and delimiters.
void Mutate(std::string* bytes, const std::vector<std::string>& corpus,
            const std::vector<std::string>& words, Rng& rng) {
  const size_t at = rng.Below(bytes->size() + 1);
  const size_t rest = bytes->size() - at;
  switch (rng.Below(8)) {
    case 0:
      if (rest > 0) (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << rng.Below(8)));
      break;
    case 1:
      if (rest > 0) (*bytes)[at] = static_cast<char>(rng.Next());
      break;
    case 2:
      bytes->insert(at, 1, static_cast<char>(rng.Next()));
      break;
    case 3:
      bytes->erase(at, rng.Below(8) + 1);
      break;
    case 4:  // repeats a piece
      bytes->insert(at, bytes->substr(at, rng.Below(16) + 1));
      break;
    case 5:
      if (!words.empty()) bytes->insert(at, words[rng.Below(words.size())]);
      break;
    case 6: {  // goes on as another entry does
      const std::string& other = corpus[rng.Below(corpus.size())];
      bytes->resize(at);
      bytes->append(other.substr(rng.Below(other.size() + 1)));
      break;
    }
    default: {  // a digit becomes another, or one more
      const size_t digit = bytes->find_first_of("0123456789", at);
      if (digit == std::string::npos) break;
      if (rng.Percent(50)) {
        (*bytes)[digit] = static_cast<char>('0' + rng.Below(10));
      } else {
        bytes->insert(digit, 1, static_cast<char>('0' + rng.Below(10)));
      }
    }
  }
  if (bytes->size() > kInputBytesMax) bytes->resize(kInputBytesMax);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 20'000;
  uint64_t seed = 1;
  double seconds = 10;
  std::vector<std::string> corpus;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool has_value = i + 1 < argc;
    if (arg == "--runs" && has_value) {
      runs = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--seconds" && has_value) {
      seconds = std::strtod(argv[++i], nullptr);
    } else if (arg == "--seed" && has_value) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--dict" && has_value) {
      words = ReadDictionary(argv[++i]);
    } else if (std::filesystem::is_directory(arg)) {
      std::vector<std::filesystem::path> paths;
      for (const auto& entry : std::filesystem::directory_iterator(arg))
        if (entry.is_regular_file()) paths.push_back(entry.path());
      std::sort(paths.begin(), paths.end());
      for (const auto& path : paths) corpus.push_back(ReadFile(path));
    } else if (std::filesystem::exists(arg)) {
      corpus.push_back(ReadFile(arg));
    } else {
      std::fprintf(stderr, "no such option or corpus: %s\n", arg.c_str());
      return 2;
    }
  }
  crash_path = "crash-" + std::filesystem::path(argv[0]).filename().string();
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, SaveAndDie);

  RunOne("");
  for (const std::string& entry : corpus) RunOne(entry);
  if (corpus.empty()) corpus.emplace_back();

  Rng rng(seed);
  const auto began = std::chrono::steady_clock::now();
  uint64_t done = 0;
  for (; done < runs; ++done) {
    if (done % 256 == 0 &&
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() > seconds)
      break;
    std::string input = corpus[rng.Below(corpus.size())];
    for (uint64_t changes = rng.Below(6) + 1; changes > 0; --changes)
      Mutate(&input, corpus, words, rng);
    RunOne(input);
  }
  std::printf("%s: %zu corpus entries, %llu changed inputs, seed %llu\n", argv[0], corpus.size(),
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(seed));
  return 0;
}
