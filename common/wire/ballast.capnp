@0xf5f653f6e83889f2;
# What the roles of Ballast say to each other.
#
# A message is a list of frames. Frame 0 is 8 bytes of checksum followed by one serialized `Header`;
# the checksum is XXH3-64 of every byte behind it. The frames after it are the payload: the bulk
# arrays (keys, values) as raw little-endian numbers, so that nobody copies or translates them. The
# header says of every payload frame how long it is and what its checksum is, and of every array in
# which frame it lies, where and how long. A receiver looks at no byte before it checked all that.
#
# What each message means, when it is valid, what makes it be sent again and who may forget it is
# the table in README.md; the structs here say what is in it. Strings are UTF-8.
#
# Evolution: fields are added at the end with a default that means what their absence meant; a
# change of meaning raises `Hello.protocol`. A receiver drops kinds that it does not know.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("ballast::schema");

struct Header {
  from @0 :UInt64;
  # The sender's member id: 0 is the coordinator, every other life of a process has a random one.

  codec @1 :Codec;
  # How values are written in the payload. Receivers refuse what they do not know.

  frames @2 :List(Frame);
  # The payload frames, in the order in which they follow; no more and no fewer.

  body :union {
    hello @3 :Hello;
    welcome @4 :Welcome;
    refused @5 :Reason;
    ready @6 :Ready;
    rejoin @7 :Void;
    heartbeat @8 :Heartbeat;
    goodbye @9 :Void;
    released @10 :Void;
    finish @11 :Finish;
    plan @12 :Plan;
    restore @13 :Restore;
    restored @14 :Restored;
    pull @15 :Pull;
    values @16 :Values;
    passed @17 :Passed;
    missing @18 :NodesOfStep;
    stale @19 :Stale;
    push @20 :Push;
    prepared @21 :Prepared;
    commitStep @22 :CommitStep;
    cutDone @23 :CutDone;
    cutKnown @24 :CutKnown;
    evaluate @25 :Evaluate;
    evaluated @26 :Evaluated;
    malformedReply @27 :Reason;
    fault @28 :Reason;
    lacking @29 :Lacking;
    partitionCopy @30 :PartitionCopy;
    askStatus @32 :Void;
    statusReport @33 :StatusReport;
    late @34 :NodesOfStep;
    assist @35 :NodesOfStep;
    behind @36 :Behind;
    counted @37 :Counted;
    enlist @39 :Enlist;
    orders @40 :Orders;
    offer @41 :Offer;
    postings @42 :Postings;
    askFiles @43 :AskFiles;
    files @44 :Files;
  }

  term @31 :UInt64;
  # The coordinator's own; of others the highest that they have heard of. Each run has terms of its
  # own, and so has the fleet.

  run @38 :UInt64;
  # Which run of the job this is about; 0: the fleet, who serves which run.
}

enum Codec {
  float32 @0;
  # IEEE 754 binary32, little-endian.
}

struct Frame {
  bytes @0 :UInt64;

  checksum @1 :UInt64;
  # XXH3-64 of the whole frame, with seed 0.
}

struct Array {
  # Where a bulk array lies. An empty array is all zeros and lies nowhere.

  frame @0 :UInt32;
  # Counted from 0 among the payload frames.

  offset @1 :UInt64;
  # A multiple of 8.

  bytes @2 :UInt64;
}

# ---- the fleet -----------------------------------------------------------------------------------

struct Enlist {
  role @0 :Role;
  protocol @1 :UInt32;
  version @2 :Text;
  host @3 :Text;

  runs @4 :List(UInt64);
  # That the member serves, ascending.

  leaving @5 :Bool;
}

struct Orders {
  number @0 :UInt64;

  runs @1 :List(UInt64);
  # That the member is to serve, ascending.

  isOver @2 :Bool;
  over @3 :Finish;
}

# ---- the service ---------------------------------------------------------------------------------

struct ServedJob {
  job @0 :UInt64;

  life @1 :UInt64;
  # How often the job was begun from the queue.
}

struct Offer {
  role @0 :Role;
  protocol @1 :UInt32;
  version @2 :Text;
  host @3 :Text;
  threads @4 :UInt32;

  serves @5 :List(ServedJob);
  # Whose processes run there, ascending.

  ended @6 :List(Ended);
  leaving @7 :Bool;

  struct Ended {
    of @0 :ServedJob;

    code @1 :Int32;
    # Of its process; of one that was killed 128 and the signal.
  }
}

struct Postings {
  number @0 :UInt64;

  postings @1 :List(Posting);
  # All that the agent is to serve, ascending.

  struct Posting {
    job @0 :ServedJob;

    coordinator @1 :Text;
    # Where its coordinator listens.
  }
}

# ---- joining -------------------------------------------------------------------------------------

enum Role {
  coordinator @0;
  server @1;
  worker @2;
}

enum KernelFamily {
  # A set of OpenBLAS kernels: one is chosen for a run, because the bits of a product depend on it.

  automatic @0;
  haswell @1;
  zen @2;
  skylakex @3;
  cooperlake @4;
  sapphirerapids @5;
}

struct Hello {
  role @0 :Role;
  protocol @1 :UInt32;
  version @2 :Text;

  endpoint @3 :Text;
  # Where workers reach this server; empty for others.

  host @4 :Text;
  families @5 :List(KernelFamily);
  # What its CPU runs, best first.

  held @6 :Held;
  # Absent: nothing.
}

struct Held {
  # What a member keeps of a run.

  run @0 :UInt64;
  # Fingerprint of its configuration.

  family @1 :KernelFamily;
  canary @2 :UInt64;
  blasVersion @3 :Text;
  plan @4 :Plan;
  timeline @5 :UInt64;
  commits @6 :List(Commit);
  # In order of their steps; the last is the one that is applied.

  partitions @7 :List(UInt32);
  promised @8 :UInt64;
  prepared @9 :List(UInt32);
  formers @10 :List(UInt64);
  floor @11 :UInt64;
}

struct Welcome {
  runJson @0 :Text;
  family @1 :KernelFamily;
  checkpoints @2 :Text;
}

struct Reason {
  # One sentence for a human.
  reason @0 :Text;
}

struct Ready {
  canary @0 :UInt64;
  # Hash of a fixed set of computations; another one than the run's is refused.
  blasVersion @1 :Text;
}

struct Heartbeat {
  progress @0 :UInt64;
  waiting @1 :Text;
  # What the sender waits for, when it got nothing done for long; for people.
  waitingSeconds @2 :UInt64;
}

enum Ending {
  done @0;
  userError @1;
  fault @2;
  interrupted @3;
}

struct Finish {
  ending @0 :Ending;
  reason @1 :Text;
}

# ---- plan ----------------------------------------------------------------------------------------

struct Plan {
  number @0 :UInt64;
  timeline @1 :UInt64;
  committed @2 :UInt64;
  workers @3 :List(Assignment);
  owners @4 :List(UInt64);
  # By partition.
  servers @5 :List(ServerAddress);
  replicas @6 :List(Replica);

  struct Replica {
    partition @0 :UInt32;
    server @1 :UInt64;
  }

  struct Assignment {
    worker @0 :UInt64;
    begin @1 :UInt32;
    end @2 :UInt32;
    # Leaves begin .. end - 1.
  }

  struct ServerAddress {
    server @0 :UInt64;
    endpoint @1 :Text;
    since @2 :UInt64;
    # The first plan made after it joined, or 0 where it was counted on before. A server whose latest
    # plan is older drops what it keeps.
  }
}

struct SnapshotFile {
  partition @0 :UInt32;
  name @1 :Text;
  bytes @2 :UInt64;
  records @3 :UInt64;
  checksum @4 :Text;
  since @5 :UInt64;
  # Only what changed after this step; 0: all records.
}

struct Restore {
  timeline @0 :UInt64;
  partitions @1 :List(UInt32);
  commit @2 :Commit;
  files @3 :List(SnapshotFile);
}

struct Restored {
  timeline @0 :UInt64;
  error @1 :Text;
  mayPass @2 :Bool;
}

# ---- the step ------------------------------------------------------------------------------------

struct Figures {
  # Sums over examples that travel with the gradient.

  loss @0 :Float64;
  examples @1 :UInt64;
  correct @2 :UInt64;
  nonfinite @3 :UInt64;
}

struct Commit {
  # What every partition applies at a step, and what the next commit is computed from.

  step @0 :UInt64;
  skip @1 :Bool;
  cut @2 :Bool;
  last @3 :Bool;
  hasBest @4 :Bool;
  scale @5 :Float32;
  learningRate @6 :Float32;
  biasCorrection1 @7 :Float32;
  biasCorrection2 @8 :Float32;
  withoutGain @9 :UInt32;
  beta1Power @10 :Float64;
  beta2Power @11 :Float64;
  best @12 :Float64;
  gradientNorm @13 :Float64;
  figures @14 :Figures;
  epoch @15 :Figures;
}

struct Section {
  # Values of one table: a dense block, or sparse rows in the order of their keys.

  level @0 :UInt32;
  position @1 :UInt32;
  # The node: leaves position << level .. ((position + 1) << level) - 1, below 2^31.

  partition @2 :UInt32;
  table @3 :UInt32;
  block @4 :UInt32;

  keys :group {
    # 64-bit keys, strictly ascending.
    frame @5 :UInt32;
    offset @6 :UInt64;
    bytes @7 :UInt64;
  }
  values :group {
    # As `codec` says.
    frame @8 :UInt32;
    offset @9 :UInt64;
    bytes @10 :UInt64;
  }
}

struct Node {
  level @0 :UInt32;
  position @1 :UInt32;
}

struct Pull {
  request @0 :UInt64;
  timeline @1 :UInt64;
  version @2 :UInt64;
  dense @3 :List(UInt32);
  # Partitions.
  again @4 :Bool;
  sections @5 :List(Section);
  # Keys without values, one section per sparse table.
  leaves @6 :List(UInt32);
  reached @7 :UInt64;
}

struct Values {
  request @0 :UInt64;
  timeline @1 :UInt64;
  version @2 :UInt64;
  sections @3 :List(Section);
  # Values without keys: dense blocks, then rows in the order of the keys that were asked for.
  clocks @4 :List(UInt64);
  # Of the leaves that were asked for.
}

struct Behind {
  request @0 :UInt64;
  timeline @1 :UInt64;
  clocks @2 :List(UInt64);
  floor @3 :UInt64;
  slowest @4 :List(UInt32);
}

struct Passed {
  request @0 :UInt64;
  timeline @1 :UInt64;
  applied @2 :UInt64;
}

struct NodesOfStep {
  timeline @0 :UInt64;
  step @1 :UInt64;
  nodes @2 :List(Node);
}

struct Stale {
  timeline @0 :UInt64;
}

struct Push {
  timeline @0 :UInt64;
  step @1 :UInt64;

  nodes @2 :List(NodeFigures);
  partitions @3 :List(UInt32);
  # Every node counts for every partition, empty where no section says otherwise.

  sections @4 :List(Section);

  struct NodeFigures {
    level @0 :UInt32;
    position @1 :UInt32;
    figures @2 :Figures;
  }
}

struct Prepared {
  timeline @0 :UInt64;
  step @1 :UInt64;
  partitions @2 :List(Partition);
  hasFigures @3 :Bool;
  figures @4 :Figures;
  plan @5 :UInt64;
  loads @6 :List(Load);

  struct Partition {
    partition @0 :UInt32;
    hash @1 :UInt64;
    sumOfSquares @2 :Float64;
  }

  struct Load {
    partition @0 :UInt32;
    traffic @1 :UInt64;
    bytes @2 :UInt64;
  }
}

struct CommitStep {
  timeline @0 :UInt64;
  commit @1 :Commit;
  cut @2 :List(CutOrder);
  # What the receiver is to write for the checkpoint of the step.

  struct CutOrder {
    partition @0 :UInt32;
    since @1 :UInt64;
  }
}

struct Counted {
  timeline @0 :UInt64;
  floor @1 :UInt64;
  figures @2 :Figures;
  slowest @3 :List(UInt32);
}

struct Lacking {
  timeline @0 :UInt64;
  hasVersion @1 :Bool;
  applied @2 :UInt64;
  copies @3 :List(UInt32);
  gradients @4 :List(UInt32);
}

struct PartitionCopy {
  timeline @0 :UInt64;
  commits @1 :List(Commit);
  # In order of their steps; the last is the copy's version.

  partition @2 :UInt32;
  records @3 :List(Records);

  struct Records {
    table @0 :UInt32;
    keys @1 :Array;
    versions @2 :Array;
    floats @3 :Array;
    # The same number for each key: weights, then optimizer slots.
  }
}

struct CutDone {
  timeline @0 :UInt64;
  step @1 :UInt64;
  files @2 :List(SnapshotFile);
  error @3 :Text;
  unchanged @4 :List(CommitStep.CutOrder);
  mayPass @5 :Bool;
}

struct CutKnown {
  timeline @0 :UInt64;
  step @1 :UInt64;
}

# ---- evaluation ----------------------------------------------------------------------------------

enum Split {
  train @0;
  validation @1;
  test @2;
}

struct Evaluate {
  timeline @0 :UInt64;
  version @1 :UInt64;
  split @2 :Split;
  begin @3 :UInt32;
  end @4 :UInt32;
}

struct Evaluated {
  timeline @0 :UInt64;
  version @1 :UInt64;
  split @2 :Split;
  batch @3 :UInt32;
  loss @4 :Float64;
  outputs @5 :Array;
  labels @6 :Array;
  weights @7 :Array;
}

# ---- status --------------------------------------------------------------------------------------

struct StatusReport {
  json @0 :Text;
}

# ---- files ---------------------------------------------------------------------------------------

struct FileEntry {
  name @0 :Text;
  bytes @1 :UInt64;
}

struct AskFiles {
  request @0 :UInt64;
  verb @1 :Verb;
  place @2 :Place;
  files @3 :List(FileEntry);
  offset @4 :UInt64;
  bytes @5 :UInt64;
  data @6 :Array;

  enum Verb {
    list @0;
    read @1;
    write @2;
    keep @3;
  }

  enum Place {
    dataset @0;
    packed @1;
    checkpoints @2;
  }
}

struct Files {
  request @0 :UInt64;
  files @1 :List(FileEntry);
  data @2 :Array;

  error @3 :Text;
  # Empty: done.

  mayPass @4 :Bool;
}
