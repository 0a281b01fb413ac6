#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/wire/codec.h"
#include "common/wire/payload.h"
#include "common/wire/schema_enums.h"

// Nothing here trusts a byte. The order is: sizes of frame 0, its checksum, Cap'n Proto's own
// checks (it throws; caught in decode), then the payload frames against the header, then each array
// against its frame.

namespace ballast::wire {
namespace {

using BodyKind = schema::Header::Body;
using BodyReader = BodyKind::Reader;
using SectionList = capnp::List<schema::Section>::Reader;

enum class Arrays { keys, values, keys_and_values };

// Reads the parts of one message and remembers the first thing that is wrong with it. After that
// its answers are empty and the message is thrown away.
class Reader {
 public:
  Reader(std::span<const Bytes> payload, const Limits& limits)
      : payload_(payload), limits_(limits) {
    for (const Bytes& frame : payload) bytes_left_ += frame.size();
  }

  [[nodiscard]] const std::string& error() const { return error_; }

  Body read(BodyReader in);
  [[nodiscard]] bool is_unknown_kind() const { return unknown_kind_; }

 private:
  void fail(std::string what) {
    if (error_.empty()) error_ = std::move(what);
  }

  std::string text(capnp::Text::Reader in);
  // Bounds the count of a list before anything is allocated for it.
  template <class List>
  unsigned count(const List& list, const char* what);
  template <class Ours, class Schemas>
  Ours number_of(Schemas in, Ours last, const char* what);
  Node node(std::uint32_t level, std::uint32_t position);

  template <class Placed>
  Bytes array(Placed in, std::size_t item_bytes, const char* what);
  std::vector<Section> sections(SectionList in, Arrays arrays);
  void check_keys(const Section& section);

  std::vector<SnapshotFile> files(capnp::List<schema::SnapshotFile>::Reader in);
  std::vector<CutOrder> orders(capnp::List<schema::CommitStep::CutOrder>::Reader in);
  std::vector<PartitionId> partitions(capnp::List<std::uint32_t>::Reader in);
  std::vector<Leaf> leaves(capnp::List<std::uint32_t>::Reader in);
  std::vector<Step> clocks(capnp::List<std::uint64_t>::Reader in);

  Hello read(schema::Hello::Reader in);
  Welcome read(schema::Welcome::Reader in);
  Ready read(schema::Ready::Reader in);
  Heartbeat read(schema::Heartbeat::Reader in);
  Finish read(schema::Finish::Reader in);
  Enlist read(schema::Enlist::Reader in);
  Orders read(schema::Orders::Reader in);
  static ServedJob read(schema::ServedJob::Reader in);
  Offer read(schema::Offer::Reader in);
  Postings read(schema::Postings::Reader in);
  std::vector<FileEntry> entries(capnp::List<schema::FileEntry>::Reader in);
  AskFiles read(schema::AskFiles::Reader in);
  Files read(schema::Files::Reader in);
  std::vector<RunId> runs(capnp::List<std::uint64_t>::Reader in);
  Plan read(schema::Plan::Reader in);
  Restore read(schema::Restore::Reader in);
  Restored read(schema::Restored::Reader in);
  Pull read(schema::Pull::Reader in);
  Values read(schema::Values::Reader in);
  Passed read(schema::Passed::Reader in);
  template <class Nodes>
  Nodes read_nodes(schema::NodesOfStep::Reader in);
  Push read(schema::Push::Reader in);
  Prepared read(schema::Prepared::Reader in);
  CommitStep read(schema::CommitStep::Reader in);
  Lacking read(schema::Lacking::Reader in);
  Behind read(schema::Behind::Reader in);
  Counted read(schema::Counted::Reader in);
  PartitionCopy read(schema::PartitionCopy::Reader in);
  CutDone read(schema::CutDone::Reader in);
  CutKnown read(schema::CutKnown::Reader in);
  Evaluate read(schema::Evaluate::Reader in);
  Evaluated read(schema::Evaluated::Reader in);
  Held read(schema::Held::Reader in);
  std::vector<Commit> commits(capnp::List<schema::Commit>::Reader in);
  Commit read(schema::Commit::Reader in);
  Figures read(schema::Figures::Reader in);

  const std::span<const Bytes> payload_;
  const Limits& limits_;
  std::uint64_t bytes_left_ = 0;  // Of the payload, for the arrays to come.
  std::string error_;
  bool unknown_kind_ = false;
};

// ---- parts --------------------------------------------------------------------------------------

std::string Reader::text(capnp::Text::Reader in) {
  if (in.size() > limits_.text_bytes_max) {
    fail("a text has " + std::to_string(in.size()) + " bytes, more than the " +
         std::to_string(limits_.text_bytes_max) + " allowed");
    return {};
  }
  return {in.begin(), in.size()};
}

template <class List>
unsigned Reader::count(const List& list, const char* what) {
  if (list.size() <= limits_.items_max) return list.size();
  fail("the list of " + std::string(what) + " has " + std::to_string(list.size()) +
       " items, more than the " + std::to_string(limits_.items_max) + " allowed");
  return 0;
}

template <class Ours, class Schemas>
Ours Reader::number_of(Schemas in, Ours last, const char* what) {
  const auto number = static_cast<unsigned>(in);
  if (number <= static_cast<unsigned>(last)) return static_cast<Ours>(number);
  fail(std::string(what) + " is " + std::to_string(number) + ", which is none we know");
  return Ours{};
}

Node Reader::node(std::uint32_t level, std::uint32_t position) {
  // Leaves are counted in 32 bits, and end() must not overflow.
  constexpr std::uint64_t kLeavesMax = std::uint64_t{1} << 31;
  if (level <= 31 && (std::uint64_t{position} + 1) << level <= kLeavesMax) return {level, position};
  fail("node (" + std::to_string(level) + ", " + std::to_string(position) +
       ") reaches past leaf 2^31");
  return {};
}

template <class Placed>
Bytes Reader::array(Placed in, std::size_t item_bytes, const char* what) {
  const Place place{in.getFrame(), in.getOffset(), in.getBytes()};
  if (!is_inside(place, payload_)) {
    fail(std::string(what) + " lie at frame " + std::to_string(place.frame) + ", offset " +
         std::to_string(place.offset) + ", " + std::to_string(place.bytes) +
         " bytes, which is outside the payload or not aligned");
    return {};
  }
  if (place.bytes % item_bytes != 0) {
    fail(std::string(what) + " have " + std::to_string(place.bytes) + " bytes, not a multiple of " +
         std::to_string(item_bytes));
    return {};
  }
  // Each array has bytes of its own. If they could share them, a small message would unfold into a
  // huge one.
  if (place.bytes > bytes_left_) {
    fail("the arrays have more bytes than the payload");
    return {};
  }
  bytes_left_ -= place.bytes;
  return view(place, payload_);
}

std::vector<Section> Reader::sections(SectionList in, Arrays arrays) {
  std::vector<Section> out(count(in, "sections"));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto from = in[i];
    Section& section = out[i];
    section.node = node(from.getLevel(), from.getPosition());
    section.partition = PartitionId{from.getPartition()};
    section.table = TableId{from.getTable()};
    section.block = from.getBlock();
    section.keys = array(from.getKeys(), sizeof(Key), "keys");
    section.values = array(from.getValues(), sizeof(float), "values");
    if (arrays == Arrays::keys && section.values.size() != 0) fail("a section has values");
    if (arrays == Arrays::values && section.keys.size() != 0) fail("a section has keys");
    check_keys(section);
    if (!error_.empty()) break;
  }
  return out;
}

void Reader::check_keys(const Section& section) {
  const auto keys = section.keys.as<Key>();
  bool ascending = true;  // Without an early exit the loop is vectorized.
  for (std::size_t i = 1; i < keys.size(); ++i) ascending &= keys[i - 1] < keys[i];
  if (!ascending) fail("keys are not strictly ascending");

  const std::size_t floats = section.values.size() / sizeof(float);
  if (!keys.empty() && floats % keys.size() != 0) {
    fail("a section has " + std::to_string(keys.size()) + " keys and " + std::to_string(floats) +
         " values, which is no whole number for each");
  }
}

std::vector<SnapshotFile> Reader::files(capnp::List<schema::SnapshotFile>::Reader in) {
  std::vector<SnapshotFile> out(count(in, "files"));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto from = in[i];
    out[i].partition = PartitionId{from.getPartition()};
    out[i].name = text(from.getName());
    out[i].bytes = from.getBytes();
    out[i].records = from.getRecords();
    out[i].checksum = text(from.getChecksum());
    out[i].since = from.getSince();
  }
  return out;
}

std::vector<CutOrder> Reader::orders(capnp::List<schema::CommitStep::CutOrder>::Reader in) {
  std::vector<CutOrder> out(count(in, "orders"));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i] = {PartitionId{in[i].getPartition()}, in[i].getSince()};
  }
  return out;
}

std::vector<PartitionId> Reader::partitions(capnp::List<std::uint32_t>::Reader in) {
  std::vector<PartitionId> out(count(in, "partitions"));
  for (unsigned i = 0; i < out.size(); ++i) out[i] = PartitionId{in[i]};
  return out;
}

std::vector<Leaf> Reader::leaves(capnp::List<std::uint32_t>::Reader in) {
  std::vector<Leaf> out(count(in, "leaves"));
  for (unsigned i = 0; i < out.size(); ++i) out[i] = in[i];
  return out;
}

std::vector<Step> Reader::clocks(capnp::List<std::uint64_t>::Reader in) {
  std::vector<Step> out(count(in, "clocks"));
  for (unsigned i = 0; i < out.size(); ++i) out[i] = in[i];
  return out;
}

std::vector<Commit> Reader::commits(capnp::List<schema::Commit>::Reader in) {
  std::vector<Commit> out(count(in, "commits"));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i] = read(in[i]);
    if (i > 0 && out[i - 1].step + 1 != out[i].step) fail("commits do not follow each other");
  }
  return out;
}

Figures Reader::read(schema::Figures::Reader in) {
  return {in.getLoss(), in.getExamples(), in.getCorrect(), in.getNonfinite()};
}

Commit Reader::read(schema::Commit::Reader in) {
  Commit out;
  out.step = in.getStep();
  out.skip = in.getSkip();
  out.cut = in.getCut();
  out.last = in.getLast();
  out.has_best = in.getHasBest();
  out.scale = in.getScale();
  out.learning_rate = in.getLearningRate();
  out.bias_correction1 = in.getBiasCorrection1();
  out.bias_correction2 = in.getBiasCorrection2();
  out.without_gain = in.getWithoutGain();
  out.beta1_power = in.getBeta1Power();
  out.beta2_power = in.getBeta2Power();
  out.best = in.getBest();
  out.gradient_norm = in.getGradientNorm();
  out.figures = read(in.getFigures());
  out.epoch = read(in.getEpoch());
  return out;
}

// ---- kinds --------------------------------------------------------------------------------------

Body Reader::read(BodyReader in) {
  switch (in.which()) {
    case BodyKind::HELLO:
      return read(in.getHello());
    case BodyKind::WELCOME:
      return read(in.getWelcome());
    case BodyKind::REFUSED:
      return Refused{text(in.getRefused().getReason())};
    case BodyKind::READY:
      return read(in.getReady());
    case BodyKind::REJOIN:
      return Rejoin{};
    case BodyKind::HEARTBEAT:
      return read(in.getHeartbeat());
    case BodyKind::GOODBYE:
      return Goodbye{};
    case BodyKind::RELEASED:
      return Released{};
    case BodyKind::FAULT:
      return Fault{text(in.getFault().getReason())};
    case BodyKind::FINISH:
      return read(in.getFinish());
    case BodyKind::PLAN:
      return read(in.getPlan());
    case BodyKind::RESTORE:
      return read(in.getRestore());
    case BodyKind::RESTORED:
      return read(in.getRestored());
    case BodyKind::PULL:
      return read(in.getPull());
    case BodyKind::VALUES:
      return read(in.getValues());
    case BodyKind::PASSED:
      return read(in.getPassed());
    case BodyKind::MISSING:
      return read_nodes<Missing>(in.getMissing());
    case BodyKind::STALE:
      return Stale{in.getStale().getTimeline()};
    case BodyKind::PUSH:
      return read(in.getPush());
    case BodyKind::PREPARED:
      return read(in.getPrepared());
    case BodyKind::COMMIT_STEP:
      return read(in.getCommitStep());
    case BodyKind::LACKING:
      return read(in.getLacking());
    case BodyKind::PARTITION_COPY:
      return read(in.getPartitionCopy());
    case BodyKind::BEHIND:
      return read(in.getBehind());
    case BodyKind::COUNTED:
      return read(in.getCounted());
    case BodyKind::ENLIST:
      return read(in.getEnlist());
    case BodyKind::ORDERS:
      return read(in.getOrders());
    case BodyKind::OFFER:
      return read(in.getOffer());
    case BodyKind::POSTINGS:
      return read(in.getPostings());
    case BodyKind::ASK_FILES:
      return read(in.getAskFiles());
    case BodyKind::FILES:
      return read(in.getFiles());
    case BodyKind::CUT_DONE:
      return read(in.getCutDone());
    case BodyKind::CUT_KNOWN:
      return read(in.getCutKnown());
    case BodyKind::EVALUATE:
      return read(in.getEvaluate());
    case BodyKind::EVALUATED:
      return read(in.getEvaluated());
    case BodyKind::MALFORMED_REPLY:
      return MalformedReply{text(in.getMalformedReply().getReason())};
    case BodyKind::ASK_STATUS:
      return AskStatus{};
    case BodyKind::STATUS_REPORT:
      return StatusReport{text(in.getStatusReport().getJson())};
    case BodyKind::LATE:
      return read_nodes<Late>(in.getLate());
    case BodyKind::ASSIST:
      return read_nodes<Assist>(in.getAssist());
  }
  // Not malformed: a newer peer speaks a word we do not know yet.
  unknown_kind_ = true;
  fail("the message is of kind " + std::to_string(static_cast<unsigned>(in.which())) +
       ", which this version does not know");
  return {};
}

Hello Reader::read(schema::Hello::Reader in) {
  Hello out;
  out.role = number_of(in.getRole(), Role::worker, "role");
  out.protocol = in.getProtocol();
  out.version = text(in.getVersion());
  out.endpoint = text(in.getEndpoint());
  out.host = text(in.getHost());
  const auto families = in.getFamilies();
  out.families.resize(count(families, "families"));
  for (unsigned i = 0; i < out.families.size(); ++i) {
    out.families[i] = number_of(families[i], KernelFamily::sapphirerapids, "kernel family");
  }
  if (in.hasHeld()) out.held = read(in.getHeld());
  return out;
}

Held Reader::read(schema::Held::Reader in) {
  Held out;
  out.run = in.getRun();
  out.family = number_of(in.getFamily(), KernelFamily::sapphirerapids, "kernel family");
  out.canary = in.getCanary();
  out.blas_version = text(in.getBlasVersion());
  out.plan = read(in.getPlan());
  out.timeline = in.getTimeline();
  out.commits = commits(in.getCommits());
  out.partitions = partitions(in.getPartitions());
  out.promised = in.getPromised();
  out.prepared = partitions(in.getPrepared());
  const auto formers = in.getFormers();
  out.formers.resize(count(formers, "formers"));
  for (unsigned i = 0; i < out.formers.size(); ++i) out.formers[i] = MemberId{formers[i]};
  out.floor = in.getFloor();
  return out;
}

Welcome Reader::read(schema::Welcome::Reader in) {
  return {text(in.getRunJson()),
          number_of(in.getFamily(), KernelFamily::sapphirerapids, "kernel family"),
          text(in.getCheckpoints())};
}

Ready Reader::read(schema::Ready::Reader in) { return {in.getCanary(), text(in.getBlasVersion())}; }

Heartbeat Reader::read(schema::Heartbeat::Reader in) {
  return {in.getProgress(), text(in.getWaiting()), in.getWaitingSeconds()};
}

// Ascending, and none of them the fleet itself.
std::vector<RunId> Reader::runs(capnp::List<std::uint64_t>::Reader in) {
  std::vector<RunId> out(count(in, "runs"));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i] = RunId{in[i]};
    if (out[i] <= (i == 0 ? kFleet : out[i - 1])) fail("runs are not strictly ascending");
  }
  return out;
}

Enlist Reader::read(schema::Enlist::Reader in) {
  Enlist out;
  out.role = number_of(in.getRole(), Role::worker, "role");
  out.protocol = in.getProtocol();
  out.version = text(in.getVersion());
  out.host = text(in.getHost());
  out.runs = runs(in.getRuns());
  out.leaving = in.getLeaving();
  return out;
}

Orders Reader::read(schema::Orders::Reader in) {
  Orders out{in.getNumber(), runs(in.getRuns())};
  if (in.getIsOver()) out.over = read(in.getOver());
  return out;
}

ServedJob Reader::read(schema::ServedJob::Reader in) { return {JobId{in.getJob()}, in.getLife()}; }

Offer Reader::read(schema::Offer::Reader in) {
  Offer out;
  out.role = number_of(in.getRole(), Role::worker, "role");
  out.protocol = in.getProtocol();
  out.version = text(in.getVersion());
  out.host = text(in.getHost());
  out.threads = in.getThreads();
  const auto serves = in.getServes();
  out.serves.resize(count(serves, "jobs"));
  for (unsigned i = 0; i < out.serves.size(); ++i) {
    out.serves[i] = read(serves[i]);
    if (i > 0 && out.serves[i] <= out.serves[i - 1]) fail("jobs are not strictly ascending");
  }
  const auto ended = in.getEnded();
  out.ended.resize(count(ended, "ended members"));
  for (unsigned i = 0; i < out.ended.size(); ++i) {
    out.ended[i] = {read(ended[i].getOf()), ended[i].getCode()};
  }
  out.leaving = in.getLeaving();
  return out;
}

Postings Reader::read(schema::Postings::Reader in) {
  Postings out;
  out.number = in.getNumber();
  const auto postings = in.getPostings();
  out.postings.resize(count(postings, "postings"));
  for (unsigned i = 0; i < out.postings.size(); ++i) {
    out.postings[i] = {read(postings[i].getJob()), text(postings[i].getCoordinator())};
    if (i > 0 && out.postings[i].job <= out.postings[i - 1].job) {
      fail("postings are not strictly ascending");
    }
  }
  return out;
}

Finish Reader::read(schema::Finish::Reader in) {
  return {number_of(in.getEnding(), Ending::interrupted, "ending"), text(in.getReason())};
}

Plan Reader::read(schema::Plan::Reader in) {
  Plan out;
  out.number = in.getNumber();
  out.timeline = in.getTimeline();
  out.committed = in.getCommitted();
  const auto workers = in.getWorkers();
  out.workers.resize(count(workers, "workers"));
  for (unsigned i = 0; i < out.workers.size(); ++i) {
    const LeafRange leaves{workers[i].getBegin(), workers[i].getEnd()};
    if (leaves.begin > leaves.end) fail("a range of leaves ends before it begins");
    out.workers[i] = {MemberId{workers[i].getWorker()}, leaves};
  }
  const auto owners = in.getOwners();
  out.owners.resize(count(owners, "owners"));
  for (unsigned i = 0; i < out.owners.size(); ++i) out.owners[i] = MemberId{owners[i]};
  const auto servers = in.getServers();
  out.servers.resize(count(servers, "servers"));
  for (unsigned i = 0; i < out.servers.size(); ++i) {
    out.servers[i] = {MemberId{servers[i].getServer()}, text(servers[i].getEndpoint()),
                      servers[i].getSince()};
  }
  const auto replicas = in.getReplicas();
  out.replicas.resize(count(replicas, "replicas"));
  for (unsigned i = 0; i < out.replicas.size(); ++i) {
    out.replicas[i] = {PartitionId{replicas[i].getPartition()}, MemberId{replicas[i].getServer()}};
  }
  return out;
}

Restore Reader::read(schema::Restore::Reader in) {
  return {in.getTimeline(), partitions(in.getPartitions()), read(in.getCommit()),
          files(in.getFiles())};
}

Restored Reader::read(schema::Restored::Reader in) {
  return {in.getTimeline(), text(in.getError()), in.getMayPass()};
}

Pull Reader::read(schema::Pull::Reader in) {
  return {in.getRequest(),           in.getTimeline(),
          in.getVersion(),           in.getAgain(),
          partitions(in.getDense()), sections(in.getSections(), Arrays::keys),
          leaves(in.getLeaves()),    in.getReached()};
}

Values Reader::read(schema::Values::Reader in) {
  return {in.getRequest(), in.getTimeline(), in.getVersion(),
          sections(in.getSections(), Arrays::values), clocks(in.getClocks())};
}

Behind Reader::read(schema::Behind::Reader in) {
  return {in.getRequest(), in.getTimeline(), clocks(in.getClocks()), in.getFloor(),
          leaves(in.getSlowest())};
}

Counted Reader::read(schema::Counted::Reader in) {
  return {in.getTimeline(), in.getFloor(), read(in.getFigures()), leaves(in.getSlowest())};
}

Passed Reader::read(schema::Passed::Reader in) {
  return {in.getRequest(), in.getTimeline(), in.getApplied()};
}

// Missing, Late and Assist have the same fields.
template <class Nodes>
Nodes Reader::read_nodes(schema::NodesOfStep::Reader in) {
  Nodes out{in.getTimeline(), in.getStep(), {}};
  const auto nodes = in.getNodes();
  out.nodes.resize(count(nodes, "nodes"));
  for (unsigned i = 0; i < out.nodes.size(); ++i) {
    out.nodes[i] = node(nodes[i].getLevel(), nodes[i].getPosition());
  }
  return out;
}

Push Reader::read(schema::Push::Reader in) {
  Push out;
  out.timeline = in.getTimeline();
  out.step = in.getStep();
  const auto nodes = in.getNodes();
  out.nodes.resize(count(nodes, "nodes"));
  for (unsigned i = 0; i < out.nodes.size(); ++i) {
    out.nodes[i] = {node(nodes[i].getLevel(), nodes[i].getPosition()), read(nodes[i].getFigures())};
  }
  out.partitions = partitions(in.getPartitions());
  out.sections = sections(in.getSections(), Arrays::keys_and_values);
  return out;
}

Prepared Reader::read(schema::Prepared::Reader in) {
  Prepared out;
  out.timeline = in.getTimeline();
  out.step = in.getStep();
  const auto partitions = in.getPartitions();
  out.partitions.resize(count(partitions, "partitions"));
  for (unsigned i = 0; i < out.partitions.size(); ++i) {
    out.partitions[i] = {PartitionId{partitions[i].getPartition()}, partitions[i].getHash(),
                         partitions[i].getSumOfSquares()};
  }
  out.plan = in.getPlan();
  out.has_figures = in.getHasFigures();
  out.figures = read(in.getFigures());
  const auto loads = in.getLoads();
  out.loads.resize(count(loads, "loads"));
  for (unsigned i = 0; i < out.loads.size(); ++i) {
    out.loads[i] = {PartitionId{loads[i].getPartition()}, loads[i].getTraffic(),
                    loads[i].getBytes()};
  }
  return out;
}

CommitStep Reader::read(schema::CommitStep::Reader in) {
  return {in.getTimeline(), read(in.getCommit()), orders(in.getCut())};
}

Lacking Reader::read(schema::Lacking::Reader in) {
  return {in.getTimeline(), in.getHasVersion(), in.getApplied(), partitions(in.getCopies()),
          partitions(in.getGradients())};
}

PartitionCopy Reader::read(schema::PartitionCopy::Reader in) {
  PartitionCopy out{in.getTimeline(), commits(in.getCommits()), PartitionId{in.getPartition()}, {}};
  if (out.commits.empty()) fail("a copy of a partition names no version");
  const auto records = in.getRecords();
  out.records.resize(count(records, "records"));
  for (unsigned i = 0; i < out.records.size(); ++i) {
    Records& part = out.records[i];
    part.table = TableId{records[i].getTable()};
    part.keys = array(records[i].getKeys(), sizeof(Key), "keys");
    part.versions = array(records[i].getVersions(), sizeof(Step), "versions");
    part.floats = array(records[i].getFloats(), sizeof(float), "floats");
    const std::size_t keys = part.keys.size() / sizeof(Key);
    if (keys == 0 || part.versions.size() != part.keys.size() ||
        part.floats.size() % (keys * sizeof(float)) != 0) {
      fail("records have " + std::to_string(part.keys.size()) + " bytes of keys, " +
           std::to_string(part.versions.size()) + " of versions and " +
           std::to_string(part.floats.size()) + " of floats, which do not go together");
    }
    if (!error_.empty()) break;
  }
  return out;
}

CutDone Reader::read(schema::CutDone::Reader in) {
  return {in.getTimeline(),          in.getStep(),        files(in.getFiles()),
          orders(in.getUnchanged()), text(in.getError()), in.getMayPass()};
}

CutKnown Reader::read(schema::CutKnown::Reader in) { return {in.getTimeline(), in.getStep()}; }

Evaluate Reader::read(schema::Evaluate::Reader in) {
  Evaluate out;
  out.timeline = in.getTimeline();
  out.version = in.getVersion();
  out.split = number_of(in.getSplit(), Split::test, "split");
  out.begin = in.getBegin();
  out.end = in.getEnd();
  if (out.begin > out.end) fail("a range of batches ends before it begins");
  return out;
}

Evaluated Reader::read(schema::Evaluated::Reader in) {
  Evaluated out;
  out.timeline = in.getTimeline();
  out.version = in.getVersion();
  out.split = number_of(in.getSplit(), Split::test, "split");
  out.batch = in.getBatch();
  out.loss = in.getLoss();
  out.outputs = array(in.getOutputs(), sizeof(float), "outputs");
  out.labels = array(in.getLabels(), sizeof(float), "labels");
  out.weights = array(in.getWeights(), sizeof(double), "weights");
  return out;
}

std::vector<FileEntry> Reader::entries(capnp::List<schema::FileEntry>::Reader in) {
  std::vector<FileEntry> out(count(in, "files"));
  for (unsigned i = 0; i < out.size(); ++i) out[i] = {text(in[i].getName()), in[i].getBytes()};
  return out;
}

AskFiles Reader::read(schema::AskFiles::Reader in) {
  AskFiles out;
  out.request = in.getRequest();
  out.verb = number_of(in.getVerb(), FilesVerb::keep, "what is asked of files");
  out.place = number_of(in.getPlace(), FilesPlace::checkpoints, "place of files");
  out.files = entries(in.getFiles());
  out.offset = in.getOffset();
  out.bytes = in.getBytes();
  out.data = array(in.getData(), 1, "data");
  return out;
}

Files Reader::read(schema::Files::Reader in) {
  Files out;
  out.request = in.getRequest();
  out.files = entries(in.getFiles());
  out.data = array(in.getData(), 1, "data");
  out.error = text(in.getError());
  out.may_pass = in.getMayPass();
  return out;
}

// ---- frames -------------------------------------------------------------------------------------

Error corrupt(std::string what) {
  return {ErrorCode::corrupt, "malformed message: " + std::move(what)};
}

Status check_header_frame(std::span<const Bytes> frames, const Limits& limits) {
  if (frames.empty()) return corrupt("it has no frames");
  const Bytes& frame = frames[0];
  if (frame.size() > limits.header_bytes_max) {
    return corrupt("its header has " + std::to_string(frame.size()) + " bytes, more than the " +
                   std::to_string(limits.header_bytes_max) + " allowed");
  }
  if (frame.size() <= kSealBytes || !frame.holds_array_of<std::uint64_t>()) {
    return corrupt("its header has " + std::to_string(frame.size()) +
                   " bytes, which are not aligned words");
  }
  if (frame.as<std::uint64_t>()[0] != hash_bytes(frame.span().subspan(kSealBytes))) {
    return corrupt("its header does not match its checksum");
  }
  return {};
}

Status check_payload(schema::Header::Reader header, std::span<const Bytes> payload,
                     const Limits& limits) {
  const auto listed = header.getFrames();
  if (payload.size() > limits.payload_frames_max || listed.size() != payload.size()) {
    return corrupt("it has " + std::to_string(payload.size()) +
                   " payload frames, the header lists " + std::to_string(listed.size()) + " and " +
                   std::to_string(limits.payload_frames_max) + " are allowed");
  }
  std::size_t total = 0;
  for (unsigned i = 0; i < listed.size(); ++i) {
    const Bytes& frame = payload[i];
    total += frame.size();
    if (frame.size() != listed[i].getBytes() || total > limits.payload_bytes_max) {
      return corrupt("payload frame " + std::to_string(i) + " has " + std::to_string(frame.size()) +
                     " bytes, the header says " + std::to_string(listed[i].getBytes()) + ", and " +
                     std::to_string(limits.payload_bytes_max) + " are allowed in all");
    }
    if (reinterpret_cast<std::uintptr_t>(frame.data()) % kArrayAlignment != 0) {
      return corrupt("payload frame " + std::to_string(i) + " is not aligned");
    }
    if (hash_bytes(frame.span()) != listed[i].getChecksum()) {
      return corrupt("payload frame " + std::to_string(i) + " does not match its checksum");
    }
  }
  return {};
}

capnp::ReaderOptions reader_options(std::size_t header_words) {
  capnp::ReaderOptions options;
  // Everything is read once. Pointers that alias would make a small header a huge message.
  options.traversalLimitInWords = 2 * header_words + 64;
  options.nestingLimit = 16;
  return options;
}

}  // namespace

Result<Message> decode(std::span<const Bytes> frames, const Limits& limits) try {
  if (const Status sealed = check_header_frame(frames, limits); !sealed) return sealed.error();

  const auto sealed = frames[0].span().subspan(kSealBytes);
  const kj::ArrayPtr<const capnp::word> words(reinterpret_cast<const capnp::word*>(sealed.data()),
                                              sealed.size() / sizeof(capnp::word));
  capnp::FlatArrayMessageReader message(words, reader_options(words.size()));
  if (message.getEnd() != words.end()) return corrupt("its header has bytes after its end");
  const auto header = message.getRoot<schema::Header>();

  if (header.getCodec() != schema::Codec::FLOAT32) {
    return Error{ErrorCode::unsupported,
                 "the values of the message are in codec " +
                     std::to_string(static_cast<unsigned>(header.getCodec())) +
                     ", which this version does not know"};
  }
  const auto payload = frames.subspan(1);
  if (const Status intact = check_payload(header, payload, limits); !intact) return intact.error();

  Reader reader(payload, limits);
  Message result{MemberId{header.getFrom()}, reader.read(header.getBody()), header.getTerm(),
                 RunId{header.getRun()}};
  if (reader.is_unknown_kind()) return Error{ErrorCode::unsupported, reader.error()};
  if (!reader.error().empty()) return corrupt(reader.error());
  return result;
} catch (const kj::Exception& exception) {
  return corrupt(exception.getDescription().cStr());
}

}  // namespace ballast::wire
