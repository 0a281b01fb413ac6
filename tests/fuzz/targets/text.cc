// Text to keys. A tokenizer keeps its buffers from text to text; nothing of one may show in the
// next.
//
// Input: u8 longest n-gram of words (modulo 5), u8 shortest and u8 longest of characters (modulo
// 8), u8 whether to lower case; then the text.

#include "common/job/text.h"
#include "common/base/check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "worker/data/tokenize.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(text, bytes) {
  Input input(bytes);
  TokenizeOptions options;
  options.word_ngrams_max = input.byte() % 5;
  options.character_ngrams_min = input.byte() % 8;
  options.character_ngrams_max = input.byte() % 8;
  options.lowercase = input.byte() % 2 == 0;
  // As the parser of specs leaves it.
  if (options.character_ngrams_min == 0) options.character_ngrams_max = 0;
  if (options.character_ngrams_max < options.character_ngrams_min) return Verdict::refused;
  const std::string_view text = input.rest();

  Tokenizer tokenizer(options);
  std::vector<Key> keys;
  tokenizer.append_keys(text, keys);
  std::vector<Key> behind = keys;
  tokenizer.append_keys(text, behind);
  BALLAST_CHECK(behind.size() == 2 * keys.size());
  BALLAST_CHECK(std::equal(keys.begin(), keys.end(), behind.end() - std::ssize(keys)));

  for (const std::string& token : tokenizer.tokens(text)) {
    BALLAST_CHECK(!token.empty() && is_utf8(token));
  }
  return Verdict::accepted;
}

}  // namespace ballast::fuzz
