#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/io.h>

#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/hash.h"
#include "common/wire/codec.h"
#include "common/wire/payload.h"
#include "common/wire/schema_enums.h"

namespace ballast::wire {
namespace {

using BodyBuilder = schema::Header::Body::Builder;

capnp::Text::Reader text(const std::string& value) { return {value.c_str(), value.size()}; }

unsigned count(std::size_t items) { return static_cast<unsigned>(items); }

// ---- parts --------------------------------------------------------------------------------------

void write(const Figures& in, schema::Figures::Builder out) {
  out.setLoss(in.loss);
  out.setExamples(in.examples);
  out.setCorrect(in.correct);
  out.setNonfinite(in.nonfinite);
}

void write(const Commit& in, schema::Commit::Builder out) {
  out.setStep(in.step);
  out.setSkip(in.skip);
  out.setCut(in.cut);
  out.setLast(in.last);
  out.setHasBest(in.has_best);
  out.setScale(in.scale);
  out.setLearningRate(in.learning_rate);
  out.setBiasCorrection1(in.bias_correction1);
  out.setBiasCorrection2(in.bias_correction2);
  out.setWithoutGain(in.without_gain);
  out.setBeta1Power(in.beta1_power);
  out.setBeta2Power(in.beta2_power);
  out.setBest(in.best);
  out.setGradientNorm(in.gradient_norm);
  write(in.figures, out.initFigures());
  write(in.epoch, out.initEpoch());
}

void write(const std::vector<SnapshotFile>& in, capnp::List<schema::SnapshotFile>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setPartition(index(in[i].partition));
    out[i].setName(text(in[i].name));
    out[i].setBytes(in[i].bytes);
    out[i].setRecords(in[i].records);
    out[i].setChecksum(text(in[i].checksum));
    out[i].setSince(in[i].since);
  }
}

void write(const std::vector<CutOrder>& in,
           capnp::List<schema::CommitStep::CutOrder>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setPartition(index(in[i].partition));
    out[i].setSince(in[i].since);
  }
}

void write(const std::vector<PartitionId>& in, capnp::List<std::uint32_t>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, index(in[i]));
}

void write(const std::vector<Leaf>& in, capnp::List<std::uint32_t>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, in[i]);
}

void write(const std::vector<Step>& in, capnp::List<std::uint64_t>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, in[i]);
}

void write(const std::vector<Commit>& in, capnp::List<schema::Commit>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) write(in[i], out[i]);
}

void write(const Plan& in, schema::Plan::Builder out) {
  out.setNumber(in.number);
  out.setTimeline(in.timeline);
  out.setCommitted(in.committed);
  auto workers = out.initWorkers(count(in.workers.size()));
  for (unsigned i = 0; i < workers.size(); ++i) {
    workers[i].setWorker(index(in.workers[i].worker));
    workers[i].setBegin(in.workers[i].leaves.begin);
    workers[i].setEnd(in.workers[i].leaves.end);
  }
  auto owners = out.initOwners(count(in.owners.size()));
  for (unsigned i = 0; i < owners.size(); ++i) owners.set(i, index(in.owners[i]));
  auto servers = out.initServers(count(in.servers.size()));
  for (unsigned i = 0; i < servers.size(); ++i) {
    servers[i].setServer(index(in.servers[i].server));
    servers[i].setEndpoint(text(in.servers[i].endpoint));
    servers[i].setSince(in.servers[i].since);
  }
  auto replicas = out.initReplicas(count(in.replicas.size()));
  for (unsigned i = 0; i < replicas.size(); ++i) {
    replicas[i].setPartition(index(in.replicas[i].partition));
    replicas[i].setServer(index(in.replicas[i].server));
  }
}

void write(const Held& in, schema::Held::Builder out) {
  out.setRun(in.run);
  out.setFamily(static_cast<schema::KernelFamily>(in.family));
  out.setCanary(in.canary);
  out.setBlasVersion(text(in.blas_version));
  write(in.plan, out.initPlan());
  out.setTimeline(in.timeline);
  write(in.commits, out.initCommits(count(in.commits.size())));
  write(in.partitions, out.initPartitions(count(in.partitions.size())));
  out.setPromised(in.promised);
  write(in.prepared, out.initPrepared(count(in.prepared.size())));
  auto formers = out.initFormers(count(in.formers.size()));
  for (unsigned i = 0; i < formers.size(); ++i) formers.set(i, index(in.formers[i]));
  out.setFloor(in.floor);
}

// Arrays and the two array groups of a section have the same three fields and no common type.
template <class Builder>
void write(const Place& place, Builder out) {
  out.setFrame(place.frame);
  out.setOffset(place.offset);
  out.setBytes(place.bytes);
}

void write(const std::vector<Section>& in, capnp::List<schema::Section>::Builder out,
           PayloadPacker& payload) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setLevel(in[i].node.level);
    out[i].setPosition(in[i].node.position);
    out[i].setPartition(index(in[i].partition));
    out[i].setTable(index(in[i].table));
    out[i].setBlock(in[i].block);
    write(payload.place(in[i].keys), out[i].getKeys());
    write(payload.place(in[i].values), out[i].getValues());
  }
}

// ---- kinds --------------------------------------------------------------------------------------

void write(const Hello& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initHello();
  out.setRole(static_cast<schema::Role>(in.role));
  out.setProtocol(in.protocol);
  out.setVersion(text(in.version));
  out.setEndpoint(text(in.endpoint));
  out.setHost(text(in.host));
  auto families = out.initFamilies(count(in.families.size()));
  for (unsigned i = 0; i < families.size(); ++i) {
    families.set(i, static_cast<schema::KernelFamily>(in.families[i]));
  }
  if (in.held) write(*in.held, out.initHeld());
}

void write(const Welcome& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initWelcome();
  out.setRunJson(text(in.run_json));
  out.setFamily(static_cast<schema::KernelFamily>(in.family));
  out.setCheckpoints(text(in.checkpoints));
}

void write(const Refused& in, BodyBuilder body, PayloadPacker&) {
  body.initRefused().setReason(text(in.reason));
}

void write(const Ready& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initReady();
  out.setCanary(in.canary);
  out.setBlasVersion(text(in.blas_version));
}

void write(const Rejoin&, BodyBuilder body, PayloadPacker&) { body.setRejoin(); }

void write(const Heartbeat& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initHeartbeat();
  out.setProgress(in.progress);
  out.setWaiting(text(in.waiting));
  out.setWaitingSeconds(in.waiting_seconds);
}

void write(const Goodbye&, BodyBuilder body, PayloadPacker&) { body.setGoodbye(); }

void write(const Released&, BodyBuilder body, PayloadPacker&) { body.setReleased(); }

void write(const Fault& in, BodyBuilder body, PayloadPacker&) {
  body.initFault().setReason(text(in.reason));
}

void write(const Finish& in, schema::Finish::Builder out) {
  out.setEnding(static_cast<schema::Ending>(in.ending));
  out.setReason(text(in.reason));
}

void write(const Finish& in, BodyBuilder body, PayloadPacker&) { write(in, body.initFinish()); }

void write(const std::vector<RunId>& in, capnp::List<std::uint64_t>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, index(in[i]));
}

void write(const Enlist& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initEnlist();
  out.setRole(static_cast<schema::Role>(in.role));
  out.setProtocol(in.protocol);
  out.setVersion(text(in.version));
  out.setHost(text(in.host));
  write(in.runs, out.initRuns(count(in.runs.size())));
  out.setLeaving(in.leaving);
}

void write(const Orders& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initOrders();
  out.setNumber(in.number);
  write(in.runs, out.initRuns(count(in.runs.size())));
  out.setIsOver(in.over.has_value());
  if (in.over) write(*in.over, out.initOver());
}

void write(const ServedJob& in, schema::ServedJob::Builder out) {
  out.setJob(index(in.job));
  out.setLife(in.life);
}

void write(const Offer& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initOffer();
  out.setRole(static_cast<schema::Role>(in.role));
  out.setProtocol(in.protocol);
  out.setVersion(text(in.version));
  out.setHost(text(in.host));
  out.setThreads(in.threads);
  auto serves = out.initServes(count(in.serves.size()));
  for (unsigned i = 0; i < serves.size(); ++i) write(in.serves[i], serves[i]);
  auto ended = out.initEnded(count(in.ended.size()));
  for (unsigned i = 0; i < ended.size(); ++i) {
    write(in.ended[i].of, ended[i].initOf());
    ended[i].setCode(in.ended[i].code);
  }
  out.setLeaving(in.leaving);
}

void write(const Postings& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initPostings();
  out.setNumber(in.number);
  auto postings = out.initPostings(count(in.postings.size()));
  for (unsigned i = 0; i < postings.size(); ++i) {
    write(in.postings[i].job, postings[i].initJob());
    postings[i].setCoordinator(text(in.postings[i].coordinator));
  }
}

void write(const Plan& in, BodyBuilder body, PayloadPacker&) { write(in, body.initPlan()); }

void write(const Restore& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initRestore();
  out.setTimeline(in.timeline);
  write(in.partitions, out.initPartitions(count(in.partitions.size())));
  write(in.commit, out.initCommit());
  write(in.files, out.initFiles(count(in.files.size())));
}

void write(const Restored& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initRestored();
  out.setTimeline(in.timeline);
  out.setError(text(in.error));
  out.setMayPass(in.may_pass);
}

void write(const Pull& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initPull();
  out.setRequest(in.request);
  out.setTimeline(in.timeline);
  out.setVersion(in.version);
  write(in.dense, out.initDense(count(in.dense.size())));
  out.setAgain(in.again);
  write(in.keys, out.initSections(count(in.keys.size())), payload);
  if (!in.leaves.empty()) write(in.leaves, out.initLeaves(count(in.leaves.size())));
  out.setReached(in.reached);
}

void write(const Values& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initValues();
  out.setRequest(in.request);
  out.setTimeline(in.timeline);
  out.setVersion(in.version);
  write(in.sections, out.initSections(count(in.sections.size())), payload);
  if (!in.clocks.empty()) write(in.clocks, out.initClocks(count(in.clocks.size())));
}

void write(const Behind& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initBehind();
  out.setRequest(in.request);
  out.setTimeline(in.timeline);
  write(in.clocks, out.initClocks(count(in.clocks.size())));
  out.setFloor(in.floor);
  write(in.slowest, out.initSlowest(count(in.slowest.size())));
}

void write(const Counted& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initCounted();
  out.setTimeline(in.timeline);
  out.setFloor(in.floor);
  write(in.figures, out.initFigures());
  write(in.slowest, out.initSlowest(count(in.slowest.size())));
}

void write(const Passed& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initPassed();
  out.setRequest(in.request);
  out.setTimeline(in.timeline);
  out.setApplied(in.applied);
}

// Missing, Late and Assist have the same fields.
template <class Nodes>
void write_nodes(const Nodes& in, schema::NodesOfStep::Builder out) {
  out.setTimeline(in.timeline);
  out.setStep(in.step);
  auto nodes = out.initNodes(count(in.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    nodes[i].setLevel(in.nodes[i].level);
    nodes[i].setPosition(in.nodes[i].position);
  }
}

void write(const Missing& in, BodyBuilder body, PayloadPacker&) {
  write_nodes(in, body.initMissing());
}

void write(const Late& in, BodyBuilder body, PayloadPacker&) { write_nodes(in, body.initLate()); }

void write(const Assist& in, BodyBuilder body, PayloadPacker&) {
  write_nodes(in, body.initAssist());
}

void write(const Stale& in, BodyBuilder body, PayloadPacker&) {
  body.initStale().setTimeline(in.timeline);
}

void write(const Push& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initPush();
  out.setTimeline(in.timeline);
  out.setStep(in.step);
  auto nodes = out.initNodes(count(in.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    nodes[i].setLevel(in.nodes[i].node.level);
    nodes[i].setPosition(in.nodes[i].node.position);
    write(in.nodes[i].figures, nodes[i].initFigures());
  }
  write(in.partitions, out.initPartitions(count(in.partitions.size())));
  write(in.sections, out.initSections(count(in.sections.size())), payload);
}

void write(const Prepared& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initPrepared();
  out.setTimeline(in.timeline);
  out.setStep(in.step);
  auto partitions = out.initPartitions(count(in.partitions.size()));
  for (unsigned i = 0; i < partitions.size(); ++i) {
    partitions[i].setPartition(index(in.partitions[i].partition));
    partitions[i].setHash(in.partitions[i].hash);
    partitions[i].setSumOfSquares(in.partitions[i].sum_of_squares);
  }
  out.setPlan(in.plan);
  out.setHasFigures(in.has_figures);
  write(in.figures, out.initFigures());
  auto loads = out.initLoads(count(in.loads.size()));
  for (unsigned i = 0; i < loads.size(); ++i) {
    loads[i].setPartition(index(in.loads[i].partition));
    loads[i].setTraffic(in.loads[i].traffic);
    loads[i].setBytes(in.loads[i].bytes);
  }
}

void write(const CommitStep& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initCommitStep();
  out.setTimeline(in.timeline);
  write(in.commit, out.initCommit());
  write(in.cut, out.initCut(count(in.cut.size())));
}

void write(const CutDone& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initCutDone();
  out.setTimeline(in.timeline);
  out.setStep(in.step);
  write(in.files, out.initFiles(count(in.files.size())));
  write(in.unchanged, out.initUnchanged(count(in.unchanged.size())));
  out.setError(text(in.error));
  out.setMayPass(in.may_pass);
}

void write(const CutKnown& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initCutKnown();
  out.setTimeline(in.timeline);
  out.setStep(in.step);
}

void write(const Evaluate& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initEvaluate();
  out.setTimeline(in.timeline);
  out.setVersion(in.version);
  out.setSplit(static_cast<schema::Split>(in.split));
  out.setBegin(in.begin);
  out.setEnd(in.end);
}

void write(const Evaluated& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initEvaluated();
  out.setTimeline(in.timeline);
  out.setVersion(in.version);
  out.setSplit(static_cast<schema::Split>(in.split));
  out.setBatch(in.batch);
  out.setLoss(in.loss);
  write(payload.place(in.outputs), out.initOutputs());
  write(payload.place(in.labels), out.initLabels());
  write(payload.place(in.weights), out.initWeights());
}

void write(const std::vector<FileEntry>& in, capnp::List<schema::FileEntry>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setName(text(in[i].name));
    out[i].setBytes(in[i].bytes);
  }
}

void write(const AskFiles& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initAskFiles();
  out.setRequest(in.request);
  out.setVerb(static_cast<schema::AskFiles::Verb>(in.verb));
  out.setPlace(static_cast<schema::AskFiles::Place>(in.place));
  write(in.files, out.initFiles(count(in.files.size())));
  out.setOffset(in.offset);
  out.setBytes(in.bytes);
  write(payload.place(in.data), out.initData());
}

void write(const Files& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initFiles();
  out.setRequest(in.request);
  write(in.files, out.initFiles(count(in.files.size())));
  write(payload.place(in.data), out.initData());
  out.setError(text(in.error));
  out.setMayPass(in.may_pass);
}

void write(const MalformedReply& in, BodyBuilder body, PayloadPacker&) {
  body.initMalformedReply().setReason(text(in.reason));
}

void write(const Lacking& in, BodyBuilder body, PayloadPacker&) {
  auto out = body.initLacking();
  out.setTimeline(in.timeline);
  out.setHasVersion(in.has_version);
  out.setApplied(in.applied);
  write(in.copies, out.initCopies(count(in.copies.size())));
  write(in.gradients, out.initGradients(count(in.gradients.size())));
}

void write(const PartitionCopy& in, BodyBuilder body, PayloadPacker& payload) {
  auto out = body.initPartitionCopy();
  out.setTimeline(in.timeline);
  write(in.commits, out.initCommits(count(in.commits.size())));
  out.setPartition(index(in.partition));
  auto records = out.initRecords(count(in.records.size()));
  for (unsigned i = 0; i < records.size(); ++i) {
    records[i].setTable(index(in.records[i].table));
    write(payload.place(in.records[i].keys), records[i].initKeys());
    write(payload.place(in.records[i].versions), records[i].initVersions());
    write(payload.place(in.records[i].floats), records[i].initFloats());
  }
}

void write(const AskStatus&, BodyBuilder body, PayloadPacker&) { body.setAskStatus(); }

void write(const StatusReport& in, BodyBuilder body, PayloadPacker&) {
  body.initStatusReport().setJson(text(in.json));
}

// ---- frame 0 ------------------------------------------------------------------------------------

// Words that the header will take, roughly: so that it is built in one piece.
unsigned words_hint(const Body& body) {
  return std::visit(
      [](const auto& message) -> unsigned {
        using Kind = std::remove_cvref_t<decltype(message)>;
        std::size_t words = 128;
        if constexpr (std::is_same_v<Kind, Push>) {
          words += message.sections.size() * 14 + message.nodes.size() * 6;
        } else if constexpr (std::is_same_v<Kind, Values>) {
          words += message.sections.size() * 14 + message.clocks.size();
        } else if constexpr (std::is_same_v<Kind, Pull>) {
          words += message.keys.size() * 14;
        }
        return count(words);
      },
      body);
}

Bytes seal(capnp::MessageBuilder& header) {
  const std::size_t header_bytes =
      capnp::computeSerializedSizeInWords(header) * sizeof(capnp::word);
  std::shared_ptr<std::uint64_t[]> words = std::make_shared_for_overwrite<std::uint64_t[]>(
      (kSealBytes + header_bytes) / sizeof(std::uint64_t));
  auto* const begin = reinterpret_cast<std::byte*>(words.get());
  kj::ArrayOutputStream out(
      kj::arrayPtr(reinterpret_cast<kj::byte*>(begin) + kSealBytes, header_bytes));
  capnp::writeMessage(out, header);
  words[0] = hash_bytes({begin + kSealBytes, header_bytes});
  return Bytes(std::move(words), {begin, kSealBytes + header_bytes});
}

}  // namespace

std::vector<Bytes> encode(const Message& message) {
  capnp::MallocMessageBuilder builder(words_hint(message.body));
  auto header = builder.initRoot<schema::Header>();
  header.setFrom(index(message.from));
  header.setTerm(message.term);
  header.setRun(index(message.run));
  header.setCodec(schema::Codec::FLOAT32);

  PayloadPacker payload;
  std::visit([&](const auto& body) { write(body, header.getBody(), payload); }, message.body);

  std::vector<Bytes> frames = payload.finish();
  auto listed = header.initFrames(count(frames.size()));
  for (unsigned i = 0; i < listed.size(); ++i) {
    listed[i].setBytes(frames[i].size());
    listed[i].setChecksum(hash_bytes(frames[i].span()));
  }
  frames.insert(frames.begin(), seal(builder));
  return frames;
}

}  // namespace ballast::wire
