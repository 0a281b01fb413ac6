#include "common/net/link_refusal.h"

namespace ballast {

std::string refused_by_listener(Refusal why, MemberId listener, const std::string& endpoint,
                                const LinkKeys* keys) {
  const std::string begin = "no link with " + endpoint + ": ";
  const std::string key_file =
      name_of(listener == kCoordinator ? KeyRole::coordinator : KeyRole::server) + ".public";
  switch (why) {
    case Refusal::not_admitted:
      if (keys == nullptr) break;
      return begin + "it does not admit our key; expected the " + name_of(keys->role) +
             ".public over there to belong to our " + name_of(keys->role) + ".secret";
    case Refusal::keys_on_one_side:
      return begin + (keys == nullptr ? "it uses keys; give --keys here too"
                                      : "it uses no keys; give --keys there too");
    case Refusal::wrong_secret:
      return begin + "who answers does not hold the secret that belongs to our " + key_file;
    case Refusal::ended_without_word:
      return begin +
             "it closes every connection at once; expected a process of this cluster there, " +
             (keys == nullptr ? "without --keys as here"
                              : "with --keys, and our " + key_file + " to be its key");
    case Refusal::another_protocol:
    case Refusal::unreadable_keys:
      break;
  }
  return begin + "who answers there is no process of this cluster";
}

std::string refused_caller(Refusal why, const LinkKeys* keys) {
  switch (why) {
    case Refusal::not_admitted:
      return "its key is not among those that are admitted here";
    case Refusal::keys_on_one_side:
      return keys == nullptr ? "it uses keys; give --keys here too"
                             : "it uses no keys; give --keys there too";
    case Refusal::wrong_secret:
      return "it was made for another key; expected the " +
             (keys == nullptr ? "public key" : name_of(keys->role) + ".public") +
             " over there to be ours";
    case Refusal::another_protocol:
    case Refusal::ended_without_word:
    case Refusal::unreadable_keys:
      break;
  }
  return "it speaks another protocol";
}

}  // namespace ballast
