#pragma once

// Everything that roles say to each other, as plain structs: roles meet only here. Which message is
// valid when, what makes it be sent again and who may forget what is the table in README.md beside
// this file. codec.h turns a Message into frames and back.
//
// Bulk arrays are Bytes: shared, immutable, never copied on the way out, 8-byte aligned on the way
// in.

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/job/commit.h"
#include "common/job/figures.h"
#include "common/job/run.h"
#include "common/job/spec.h"

namespace ballast::wire {

// Raised whenever a message changes its meaning: members of another protocol are refused.
inline constexpr std::uint32_t kProtocol = 10;

enum class Role : std::uint8_t { coordinator, server, worker };

// ---- plan ---------------------------------------------------------------------------------------

struct Assignment {
  MemberId worker{};
  LeafRange leaves;
  friend bool operator==(const Assignment&, const Assignment&) = default;
};
struct ServerAddress {
  MemberId server{};
  std::string endpoint;
  PlanNumber since =
      0;  // The first plan after it joined: who last saw an older one drops its copies.
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};
struct Replica {
  PartitionId partition{};
  MemberId server{};
  friend auto operator<=>(const Replica&, const Replica&) = default;
};
struct Plan {  // coordinator -> everyone; idempotent, the highest number wins
  PlanNumber number = 0;
  Timeline timeline = 0;
  Step committed = 0;  // The version that every partition had when the plan was made, at least.
  std::vector<Assignment> workers;  // Together they cover all leaves, or none if nobody is there.
  std::vector<MemberId> owners;     // By partition.
  std::vector<Replica> replicas;    // Sorted; never the owner.
  std::vector<ServerAddress> servers;  // All that own or keep a copy.
};

// What a member keeps of a run. A coordinator that was restarted, or lost sight of a part of the
// fleet, goes on from what its members hold (R13).
struct Held {
  std::uint64_t run = 0;  // Fingerprint of the RunConfig.
  KernelFamily family = KernelFamily::haswell;
  std::uint64_t canary = 0;
  std::string blas_version;
  Plan plan;  // The latest; number 0: none.

  // Servers; `timeline` is 0 where nothing is kept.
  Timeline timeline = 0;
  std::vector<Commit> commits;          // The latest ones, in order; the last is what is applied.
  std::vector<PartitionId> partitions;  // Copies at that version.
  Step promised = 0;                    // The highest step that was said to be prepared, ...
  std::vector<PartitionId> prepared;    // ... and whose copies have the next one's gradient.
  Step floor = 0;                       // Relaxed runs: what every clock here has reached.
  std::vector<MemberId> formers;        // Lives of which it has what they kept.
};

enum class Ending : std::uint8_t { done, user_error, fault, interrupted };
struct Finish {  // coordinator -> everyone: the run is over
  Ending ending = Ending::done;
  std::string reason;
};

// ---- the fleet ----------------------------------------------------------------------------------

// Between a member's crew and the coordinator's fleet: which runs a member serves. Everything else
// is said within a run.
struct Enlist {  // member -> coordinator; repeated, as the member's sign of life
  Role role = Role::worker;
  std::uint32_t protocol = kProtocol;
  std::string version;      // Of Ballast.
  std::string host;         // For people: where it runs, and its process id.
  std::vector<RunId> runs;  // That it serves, ascending.
  bool leaving = false;     // It takes on no other run, and is gone when it serves none.
};
struct Orders {  // coordinator -> member, whenever they change and as the answer to Enlist
  std::uint64_t number = 0;      // The highest wins.
  std::vector<RunId> runs;       // All that the member is to serve, ascending.
  std::optional<Finish> over{};  // The job is: the member exits as it did.
};

// ---- the service --------------------------------------------------------------------------------

// Between an agent, which starts members of jobs on its machine, and the service that has the jobs.
struct ServedJob {
  JobId job{};
  std::uint64_t life = 0;  // How often the job was begun from the queue.
  friend auto operator<=>(const ServedJob&, const ServedJob&) = default;
};
struct EndedMember {
  ServedJob of;
  std::int32_t code = 0;  // Its exit code; of one that was killed 128 and the signal.
  friend bool operator==(const EndedMember&, const EndedMember&) = default;
};
struct Offer {  // agent -> service; repeated, as the agent's sign of life
  Role role = Role::worker;
  std::uint32_t protocol = kProtocol;
  std::string version{};             // Of Ballast.
  std::string host{};                // For people: where it runs, and its process id.
  std::uint32_t threads = 1;         // Of each worker that it starts.
  std::vector<ServedJob> serves{};   // Whose processes run here, ascending.
  std::vector<EndedMember> ended{};  // Those that ended by themselves while they were wanted.
  bool leaving = false;              // It starts no other, and is gone when none is left.
};
struct Posting {
  ServedJob job;
  std::string coordinator;  // Where its coordinator listens.
  friend bool operator==(const Posting&, const Posting&) = default;
};
struct Postings {            // service -> agent, whenever they change and as the answer to Offer
  std::uint64_t number = 0;  // The highest wins.
  std::vector<Posting> postings;  // All that the agent is to serve, ascending.
};

// ---- joining ------------------------------------------------------------------------------------

struct Hello {  // member -> coordinator; repeated until answered
  Role role = Role::worker;
  std::uint32_t protocol = kProtocol;
  std::string version;                 // Of Ballast.
  std::string endpoint;                // Servers: where workers reach them.
  std::string host;                    // For people: where it runs, and its process id.
  std::vector<KernelFamily> families;  // What its CPU can run, best first.
  std::optional<Held> held;            // Of the run that it was last welcomed to.
};
struct Welcome {         // coordinator -> member: load this, then say Ready
  std::string run_json;  // RunConfig
  KernelFamily family = KernelFamily::haswell;
  std::string checkpoints;  // Servers: URL or directory of the checkpoint store.
};
struct Refused {  // coordinator -> member: final; the member exits with code 2 and this sentence
  std::string reason;
};
struct Ready {  // member -> coordinator; repeated until a Plan names it
  std::uint64_t canary = 0;
  std::string blas_version;
};
struct Rejoin {};   // coordinator -> a member it does not know: say Hello, with what you hold
struct Heartbeat {  // member -> coordinator, and back as its answer
  std::uint64_t progress = 0;  // Grows whenever the core got something done.
  // A member that got nothing done for long: for people, what it waits for, and since when.
  std::string waiting{};
  std::uint64_t waiting_seconds = 0;
};
struct Goodbye {};   // member -> coordinator: I would like to leave (drain)
struct Released {};  // coordinator -> member: you may exit now
struct Fault {  // member -> coordinator: something that must stop the run, not the member alone
  std::string reason;
};

// ---- restoring
// -----------------------------------------------------------------------------------

struct SnapshotFile {  // A file of one partition in the checkpoint store.
  PartitionId partition{};
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  std::string checksum;
  Step since = 0;  // It holds the records that changed after this step; 0: all of them.
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};
struct Restore {  // coordinator -> server: become this state; repeated until Restored
  Timeline timeline = 0;
  std::vector<PartitionId> partitions;  // Of which this server keeps a copy on the timeline.
  Commit commit;                        // The version to restore; step 0: the initial values.
  // Of these partitions, base before deltas; empty at step 0.
  std::vector<SnapshotFile> files;
};
struct Restored {  // server -> coordinator
  Timeline timeline = 0;
  std::string error;      // Empty: done.
  bool may_pass = false;  // A disk or store refused; the same Restore may succeed later.
};

// ---- the step -----------------------------------------------------------------------------------

// Values of one table: a dense block, or sparse rows in the order of their keys.
struct Section {
  Node node;                // Push: whose gradient this is.
  PartitionId partition{};  // Push: where it goes. Pull and Values: unused.
  TableId table{};
  std::uint32_t block = 0;  // Dense: which block.
  Bytes keys;               // Sparse: u64, sorted, unique. Values leaves them out: as asked.
  Bytes values;             // f32. Pull leaves them out.
};

struct Pull {  // worker -> server; stateless, re-issued with the same request after silence
  std::uint64_t request = 0;  // The worker's own number.
  Timeline timeline = 0;
  Step version = 0;                // Parked until this version is applied.
  bool again = false;              // A repeat: if it has to wait, say which nodes are missing.
  std::vector<PartitionId> dense;  // Whose dense blocks to send too.
  std::vector<Section> keys;       // One per sparse table: keys that this server owns.

  // Relaxed modes, where `version` is what every leaf's clock must have reached, everywhere here:
  std::vector<Leaf> leaves;  // Whose clocks to say, ...
  Step reached = 0;          // ... and what those must have reached too.
};
struct Values {  // server -> worker
  std::uint64_t request = 0;
  Timeline timeline = 0;
  Step version = 0;
  std::vector<Section> sections;  // Dense blocks as asked; then rows, one section per asked.
  std::vector<Step> clocks;       // Of the leaves asked for: the lowest of any partition here.
};
struct Behind {  // server -> worker: the pull that you repeat has to wait; push again what is lost
  std::uint64_t request = 0;
  Timeline timeline = 0;
  std::vector<Step> clocks;   // As in Values.
  Step floor = 0;             // For people, as in Counted: what the bound waits for.
  std::vector<Leaf> slowest;  // As in Counted.
};
struct Passed {  // server -> worker: the version you asked for is gone; this one is applied
  std::uint64_t request = 0;
  Timeline timeline = 0;
  Step applied = 0;
};
struct Missing {  // server -> worker: what the next step still lacks; push again what you have of
                  // it
  Timeline timeline = 0;
  Step step = 0;
  std::vector<Node> nodes;  // Maximal nodes that some partition here lacks; in order.
};
// What a step lacks long after others pushed their part of it. Whoever has nothing to do computes
// it too: the bits are the same, and the first to arrive counts.
struct Late {  // server -> coordinator; repeated while the nodes are lacking
  Timeline timeline = 0;
  Step step = 0;
  std::vector<Node> nodes;  // Maximal nodes; in order.
};
struct Assist {  // coordinator -> worker: compute these, or push again what you have of them
  Timeline timeline = 0;
  Step step = 0;
  std::vector<Node> nodes;  // In order.
};
struct Stale {            // server -> anyone: your timeline or ownership is not mine
  Timeline timeline = 0;  // The receiver's.
};

struct NodeFigures {
  Node node;
  Figures figures;
  friend bool operator==(const NodeFigures&, const NodeFigures&) = default;
};
// worker -> server; kept by the worker until it sees version `step`.
// owner -> replica: the root alone, once it is complete; sent again when the replica is Lacking it.
struct Push {
  Timeline timeline = 0;
  Step step = 0;
  std::vector<NodeFigures> nodes;       // Every node counts for every partition listed, ...
  std::vector<PartitionId> partitions;  // ... empty where no section says otherwise (R1).
  std::vector<Section> sections;
};

struct PreparedPartition {
  PartitionId partition{};
  std::uint64_t hash = 0;       // Of the reduced gradient (R6).
  double sum_of_squares = 0.0;  // Of the reduced gradient, over sorted keys.
  friend bool operator==(const PreparedPartition&, const PreparedPartition&) = default;
};
struct PartitionLoad {
  PartitionId partition{};
  std::uint64_t traffic = 0;  // Bytes that workers pulled and pushed since the last version.
  std::uint64_t bytes = 0;    // Of its tables.
  friend bool operator==(const PartitionLoad&, const PartitionLoad&) = default;
};
struct Prepared {  // server -> coordinator; repeated until commit(step) comes
  Timeline timeline = 0;
  Step step = 0;
  PlanNumber plan = 0;  // The latest that the server knows on this timeline; 0: none.
  std::vector<PreparedPartition> partitions;  // All of which this server keeps a copy.
  bool has_figures = false;                   // Whether partition 0 is among them:
  Figures figures;
  std::vector<PartitionLoad> loads{};  // Of those that it owns. Never decides about bits.
};
struct CutOrder {
  PartitionId partition{};
  Step since = 0;  // What changed after this step is wanted; 0: everything.
  friend bool operator==(const CutOrder&, const CutOrder&) = default;
};
struct CommitStep {  // coordinator -> server; repeated when a Prepared shows that it was lost
  Timeline timeline = 0;
  Commit commit;
  std::vector<CutOrder> cut;  // What this server is to write for the checkpoint of the step.
};
struct Counted {  // server -> coordinator, in relaxed modes; now and then, and until the end
  Timeline timeline = 0;
  Step floor = 0;   // What every leaf's clock has reached, in every partition here.
  Figures figures;  // The server with partition 0: of all microbatches that it has counted.
  std::vector<Leaf> slowest;  // For people: those whose clock is at the floor somewhere here.
};
// server -> owner: what a server lacks of the partitions of which it should keep a copy; repeated
// until it has them.
struct Lacking {
  Timeline timeline = 0;
  bool has_version = false;            // Whether it keeps anything yet, ...
  Step applied = 0;                    // ... and at which version.
  std::vector<PartitionId> copies;     // A PartitionCopy is wanted, at that version or, without
                                       // one, at any.
  std::vector<PartitionId> gradients;  // The reduced gradient of the next step is.
};
// Records of one table. Each has the same number of floats: weights, then optimizer slots.
struct Records {
  TableId table{};
  Bytes keys;      // u64; of a dense table the block, alone.
  Bytes versions;  // u64: the steps that last changed them.
  Bytes floats;    // f32
};
struct PartitionCopy {  // owner -> server: a snapshot of a partition
  Timeline timeline = 0;
  std::vector<Commit> commits;  // The latest ones, in order; the last is its version.
  PartitionId partition{};
  std::vector<Records> records;
};
struct CutDone {  // server -> coordinator; repeated until CutKnown
  Timeline timeline = 0;
  Step step = 0;
  std::vector<SnapshotFile> files;  // Since what was ordered, or of everything.
  std::vector<CutOrder> unchanged;  // Nothing changed since that step: there is nothing to write.
  std::string error;                // Empty: all files are durable.
  bool may_pass = false;            // A disk or store refused; another cut may succeed later.
};
struct CutKnown {  // coordinator -> server: stop repeating CutDone
  Timeline timeline = 0;
  Step step = 0;
};

// ---- evaluation ---------------------------------------------------------------------------------

struct Evaluate {  // coordinator -> worker: these batches at this version; repeated after silence
  Timeline timeline = 0;
  Step version = 0;
  Split split = Split::validation;
  std::uint32_t begin = 0;  // Batches begin .. end - 1 of run.evaluation_batch examples.
  std::uint32_t end = 0;
};
struct Evaluated {  // worker -> coordinator; one per batch, idempotent
  Timeline timeline = 0;
  Step version = 0;
  Split split = Split::validation;
  std::uint32_t batch = 0;
  double loss = 0.0;  // Sum over the batch, each example times its weight.
  Bytes outputs;      // f32, run.outputs per example
  Bytes labels;       // f32, one per example
  Bytes weights;      // f64, one per example, or none where all count alike
};

struct MalformedReply {  // anyone -> anyone: I could not read what you sent
  std::string reason;
};

// ---- status -------------------------------------------------------------------------------------

struct AskStatus {};   // anyone -> coordinator: what does the run do? The asker becomes no member.
struct StatusReport {  // coordinator -> who asked
  std::string json;    // coordinator/status.h
};

// ---- files --------------------------------------------------------------------------------------

// Of members that share no file system with the coordinator: they read the prepared data of a run,
// and read and write the files of its checkpoints, over the link (common/runtime/file_link.h).
enum class FilesVerb : std::uint8_t {
  list,   // What is in the place.
  read,   // A part of a file; its whole size comes along.
  write,  // A part of a file to be; what is there of it already is written again.
  keep,   // Files that were written whole become files of the checkpoint store, durably.
};
enum class FilesPlace : std::uint8_t { dataset, packed, checkpoints };
struct FileEntry {
  std::string name;
  std::uint64_t bytes = 0;
  friend bool operator==(const FileEntry&, const FileEntry&) = default;
};
struct AskFiles {  // anyone -> coordinator, of a run; the asker becomes no member
  std::uint64_t request = 0;
  FilesVerb verb = FilesVerb::list;
  FilesPlace place = FilesPlace::dataset;  // write, keep: checkpoints
  std::vector<FileEntry> files{};          // read, write: one; keep: all, with their sizes.
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // read: at most.
  Bytes data{};             // write
};
struct Files {  // coordinator -> who asked
  std::uint64_t request = 0;
  std::vector<FileEntry> files{};  // list: all; read: the one.
  Bytes data{};                    // read
  std::string error{};             // Empty: done.
  bool may_pass = false;           // Trying again may help.
};

using AnyMessage =
    std::variant<Hello, Welcome, Refused, Ready, Rejoin, Heartbeat, Goodbye, Released, Fault,
                 Finish, Plan, Restore, Restored, Pull, Values, Passed, Missing, Stale, Push,
                 Prepared, CommitStep, CutDone, CutKnown, Evaluate, Evaluated, MalformedReply,
                 Lacking, PartitionCopy, AskStatus, StatusReport, Late, Assist, Behind, Counted,
                 Enlist, Orders, Offer, Postings, AskFiles, Files>;

// One message, without its header; used as the variant that it is. It is copied, moved and ended in
// messages.cc alone: a variant of so many types does so through tables that each source that has a
// message would otherwise make anew, which was a fifth of the time to compile them.
class Body : public AnyMessage {
 public:
  Body();  // A Hello.
  Body(const Body& other);
  Body(Body&& other) noexcept;
  Body& operator=(const Body& other);
  Body& operator=(Body&& other) noexcept;
  ~Body();

  template <class T>
  requires(!std::is_same_v<T, Body>)
      Body(T message)  // NOLINT(google-explicit-constructor): as a variant is made.
      : AnyMessage(std::in_place_type<T>, std::move(message)) {}
};

struct Message {
  MemberId from{};  // The sender's; set by the host.
  Body body;
  // The coordinator's own; of others the highest that they have heard of. Members listen to no
  // coordinator of a lower one (R13).
  Term term = 0;
  RunId run = kFleet;
};

// "Push", "CommitStep" ...: for logs and traces.
[[nodiscard]] const char* name_of(const Body& body);

}  // namespace ballast::wire
