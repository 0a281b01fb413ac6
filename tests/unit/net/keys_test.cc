#include "common/net/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/net/net_fixture.h"

namespace ballast {
namespace {

constexpr KeyRole kRoles[] = {KeyRole::coordinator, KeyRole::server, KeyRole::worker};

// A directory as `ballast keys` leaves it.
class KeyDirectory {
 public:
  KeyDirectory() {
    for (const KeyRole role : kRoles) {
      const auto pair = make_key_pair();
      write(name_of(role) + ".secret", pair->secret_key + "\n");
      write(name_of(role) + ".public", pair->public_key + "\n");
      protect(name_of(role) + ".secret", 0600);
    }
  }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }
  [[nodiscard]] std::string path(const std::string& name) const { return path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::string line;
    std::ifstream file(path(name));
    std::getline(file, line);
    return line;
  }
  void protect(const std::string& name, mode_t mode) const {
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  void remove(const std::string& name) const { std::filesystem::remove(path(name)); }

 private:
  TemporaryDirectory directory_;
};

TEST(Keys, EachRoleReadsItsOwnSecretAndThePublicKeysOfThoseItTalksTo) {
  struct Case {
    KeyRole role;
    const char* coordinator;  // File of the key; empty: it knows none.
    const char* server;
    std::vector<std::string> admitted;
    std::vector<std::string> needless;
  };
  const Case cases[] = {
      {KeyRole::coordinator,
       "coordinator.public",
       "",
       {"server.public", "worker.public", "coordinator.public"},
       {"coordinator.public"}},
      {KeyRole::server,
       "coordinator.public",
       "server.public",
       {"server.public", "worker.public"},
       {}},
      {KeyRole::worker, "coordinator.public", "server.public", {}, {"worker.public"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(name_of(c.role));
    const KeyDirectory files;
    for (const KeyRole other : kRoles) {
      if (other != c.role) files.remove(name_of(other) + ".secret");
    }
    std::vector<std::string> admitted;
    for (const std::string& name : c.admitted) admitted.push_back(files.read(name));
    const KeyPair own{files.read(name_of(c.role) + ".public"),
                      files.read(name_of(c.role) + ".secret")};
    using Keys = std::vector<std::string>;
    const Keys coordinator = *c.coordinator == '\0' ? Keys{} : Keys{files.read(c.coordinator)};
    const Keys server = *c.server == '\0' ? Keys{} : Keys{files.read(c.server)};
    for (const std::string& name : c.needless) files.remove(name);

    const auto keys = load_keys(files.path(), c.role);
    ASSERT_TRUE(keys) << keys.error().message;
    EXPECT_EQ(keys->role, c.role);
    EXPECT_EQ(keys->own.public_key, own.public_key);
    EXPECT_EQ(keys->own.secret_key, own.secret_key);
    EXPECT_EQ(keys->coordinator_keys, coordinator);
    EXPECT_EQ(keys->server_keys, server);
    EXPECT_EQ(keys->admitted_keys, admitted);
  }
}

TEST(Keys, WhatIsWrongWithAFileIsSaidInASentence) {
  struct Case {
    const char* name;
    std::function<void(const KeyDirectory&)> spoil;
    ErrorCode code;
    const char* complaint;  // Empty: it is fine.
  };
  const Case cases[] = {
      {"nothing", [](auto&) {}, {}, ""},
      {"white space",
       [](auto& d) { d.write("worker.public", " " + d.read("worker.public") + " \r\n\n"); },
       {},
       ""},
      {"no secret", [](auto& d) { d.remove("server.secret"); }, ErrorCode::not_found,
       "server.secret: no such file; expected a key there"},
      {"no key of the coordinator", [](auto& d) { d.remove("coordinator.public"); },
       ErrorCode::not_found, "coordinator.public: no such file"},
      {"no key of the workers", [](auto& d) { d.remove("worker.public"); }, ErrorCode::not_found,
       "worker.public: no such file"},
      {"an empty secret", [](auto& d) { d.write("server.secret", ""); }, ErrorCode::invalid,
       "expected a key, 40 characters of Z85 as `ballast keys` writes them, saw 0"},
      {"a short secret", [](auto& d) { d.write("server.secret", "abcde"); }, ErrorCode::invalid,
       "saw 5 characters"},
      {"two keys",
       [](auto& d) { d.write("worker.public", d.read("worker.public") + d.read("server.public")); },
       ErrorCode::invalid,
       "worker.public: expected a key, 40 characters of Z85 as `ballast keys` "
       "writes them, saw 80"},
      {"two of them, a line each",
       [](auto& d) {
         d.write("worker.public",
                 d.read("worker.public") + "\r\n \n" + d.read("server.public") + "\n");
       },
       {},
       ""},
      {"a second line that is no key",
       [](auto& d) { d.write("worker.public", d.read("worker.public") + "\nold"); },
       ErrorCode::invalid,
       "worker.public: expected a key, 40 characters of Z85 as `ballast keys` "
       "writes them, saw 3"},
      {"nine keys",
       [](auto& d) {
         std::string lines;
         for (int i = 0; i < 9; ++i) lines += d.read("worker.public") + "\n";
         d.write("worker.public", lines);
       },
       ErrorCode::invalid, "worker.public: expected at most 8 keys, saw 9"},
      {"its own, the old one and the new",
       [](auto& d) {
         d.write("server.public", d.read("worker.public") + "\n" + d.read("server.public"));
       },
       {},
       ""},
      {"forty others", [](auto& d) { d.write("coordinator.public", std::string(40, '~')); },
       ErrorCode::invalid, "coordinator.public: expected a key"},
      {"forty that overflow", [](auto& d) { d.write("coordinator.public", std::string(40, '#')); },
       ErrorCode::invalid, "coordinator.public: expected a key"},
      {"a directory",
       [](auto& d) {
         d.remove("worker.public");
         std::filesystem::create_directory(d.path("worker.public"));
       },
       ErrorCode::io, "worker.public: Is a directory"},
      {"another pair's half", [](auto& d) { d.write("server.public", d.read("worker.public")); },
       ErrorCode::invalid, "server.public: is not the public half of"},
      {"readable by all", [](auto& d) { d.protect("server.secret", 0644); }, ErrorCode::invalid,
       "chmod 600"},
      {"writable by all", [](auto& d) { d.protect("server.secret", 0602); }, ErrorCode::invalid,
       "server.secret: every user of this machine can read or change this secret"},
      {"as Kubernetes mounts it", [](auto& d) { d.protect("server.secret", 0440); }, {}, ""},
      {"public keys are public", [](auto& d) { d.protect("worker.public", 0666); }, {}, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const KeyDirectory files;
    const std::string secret = files.read("server.secret");
    c.spoil(files);
    const auto keys = load_keys(files.path(), KeyRole::server);
    EXPECT_EQ(keys.has_value(), *c.complaint == '\0') << (keys ? "" : keys.error().message);
    if (keys) continue;
    EXPECT_EQ(keys.error().code, c.code);
    EXPECT_NE(keys.error().message.find(c.complaint), std::string::npos) << keys.error().message;
    EXPECT_EQ(keys.error().message.find(secret), std::string::npos) << "the secret is out";
  }
}

TEST(Keys, PublicKeysAreReadAgainWhenTheirFilesChange) {
  const KeyDirectory files;
  KeyRing ring(*load_keys(files.path(), KeyRole::server));
  const LinkKeys before = ring.keys();
  const std::string next = make_key_pair()->public_key;
  EXPECT_FALSE(*ring.refresh());

  // Renamed into place, as Kubernetes does it, and written in place.
  files.write("new", files.read("worker.public") + "\n" + next + "\n");
  std::filesystem::rename(files.path("new"), files.path("worker.public"));
  files.write("coordinator.public", next + "\n" + files.read("coordinator.public"));
  EXPECT_TRUE(*ring.refresh());
  EXPECT_FALSE(*ring.refresh());
  EXPECT_EQ(ring.keys().admitted_keys.size(), before.admitted_keys.size() + 1);
  EXPECT_EQ(ring.keys().admitted_keys.back(), next);
  EXPECT_EQ(ring.keys().coordinator_keys,
            (std::vector<std::string>{next, before.coordinator_keys.front()}));
  EXPECT_EQ(ring.keys().own.secret_key, before.own.secret_key);

  const LinkKeys known = ring.keys();
  files.write("worker.public", "half a k");
  const auto spoiled = ring.refresh();
  ASSERT_FALSE(spoiled);
  EXPECT_NE(spoiled.error().message.find("worker.public: expected a key"), std::string::npos);
  EXPECT_FALSE(*ring.refresh()) << "said once";
  EXPECT_EQ(ring.keys().admitted_keys, known.admitted_keys);
  files.write("worker.public", next);
  EXPECT_TRUE(*ring.refresh());
  EXPECT_EQ(ring.keys().admitted_keys.back(), next);
}

TEST(Keys, ADirectoryMayEndInASlash) {
  const KeyDirectory files;
  EXPECT_TRUE(load_keys(files.path() + "/", KeyRole::worker));
}

}  // namespace
}  // namespace ballast
