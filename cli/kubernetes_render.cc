#include "cli/kubernetes_render.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <initializer_list>
#include <utility>

namespace ballast {
namespace {

constexpr char kSpecName[] = "job.yaml";
constexpr char kVolume[] = "/var/lib/ballast";  // Where the image may write.

// What all pods have. Under the profile `restricted`.
constexpr char kPod[] = R"(
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: Never
terminationGracePeriodSeconds: 60
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
containers:
- name: ballast
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
)";

// A pod that was taken away says nothing about the job (130: it was asked to leave); a mistake, or
// a spent budget, is there next time too.
constexpr char kCoordinatorFailures[] = R"(
rules:
- action: Ignore
  onPodConditions: [{type: DisruptionTarget, status: "True"}]
- action: Ignore
  onExitCodes: {containerName: ballast, operator: In, values: [130]}
- action: FailJob
  onExitCodes: {containerName: ballast, operator: In, values: [2, 4]}
- action: Count
  onExitCodes: {containerName: ballast, operator: In, values: [3]}
)";
// Members end as the job does; until then those that fail are replaced.
constexpr char kMemberFailures[] = R"(
rules:
- action: Ignore
  onPodConditions: [{type: DisruptionTarget, status: "True"}]
- action: FailJob
  onExitCodes: {containerName: ballast, operator: In, values: [2]}
- action: Ignore
  onExitCodes: {containerName: ballast, operator: In, values: [130]}
)";
// How often a pod may end with a fault. Members are many, and a job may last for weeks.
constexpr int kCoordinatorFaultsMax = 6;
constexpr int kMemberFaultsMax = 1000;

// A text, whatever it looks like: "2" is not 2.
YAML::Node yaml_text(const std::string& value) {
  YAML::Node node(value);
  node.SetTag("!");
  return node;
}

YAML::Node yaml_texts(const std::vector<std::string>& values) {
  YAML::Node list(YAML::NodeType::Sequence);
  for (const std::string& value : values) list.push_back(yaml_text(value));
  return list;
}

using Fields = std::initializer_list<std::pair<const char*, YAML::Node>>;
YAML::Node yaml_map(Fields fields) {
  YAML::Node node(YAML::NodeType::Map);
  for (const auto& [name, value] : fields) node[name] = value;
  return node;
}

// yaml-cpp's own way to write a node forgets which scalars are quoted.
void write_yaml(YAML::Emitter& out, const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      out << YAML::BeginMap;
      for (const auto& field : node) {
        out << YAML::Key << field.first.Scalar() << YAML::Value;
        write_yaml(out, field.second);
      }
      out << YAML::EndMap;
      return;
    case YAML::NodeType::Sequence:
      out << YAML::BeginSeq;
      for (const YAML::Node& item : node) write_yaml(out, item);
      out << YAML::EndSeq;
      return;
    default:
      if (node.Scalar().find('\n') != std::string::npos) {
        out << YAML::Literal;
      } else if (node.Tag() == "!") {
        out << YAML::DoubleQuoted;
      }
      out << node.Scalar();
  }
}

class Renderer {
 public:
  explicit Renderer(const KubernetesJob& job) : job_(job) {}

  std::string all() {
    std::string manifests = fmt::format(
        "# Made by `ballast kubernetes render`. When the job has ended its JobSet goes by itself; "
        "the "
        "rest goes by\n"
        "#   kubectl delete configmap,networkpolicy,persistentvolumeclaim -l "
        "app.kubernetes.io/instance={}\n",
        job_.name);
    for (const YAML::Node& one : {input(), claim(), policy_of_coordinator(), policy_of_servers(),
                                  policy_of_workers(), job_set()}) {
      YAML::Emitter out;
      write_yaml(out, one);
      manifests += fmt::format("---\n{}\n", out.c_str());
    }
    return manifests;
  }

 private:
  YAML::Node object(const char* version, const char* kind, const std::string& name) const {
    return yaml_map({{"apiVersion", YAML::Node(version)},
                     {"kind", YAML::Node(kind)},
                     {"metadata", yaml_map({{"name", yaml_text(name)}, {"labels", labels()}})}});
  }

  // Not those of a service (deploy/k8s) in the same namespace.
  YAML::Node labels(const char* component = nullptr) const {
    YAML::Node labels = yaml_map({{"app.kubernetes.io/name", YAML::Node("ballast-job")},
                                  {"app.kubernetes.io/instance", yaml_text(job_.name)}});
    if (component != nullptr) labels["app.kubernetes.io/component"] = component;
    return labels;
  }

  std::string input_key(std::size_t file) const { return fmt::format("file-{}", file); }

  YAML::Node input() const {
    YAML::Node made = object("v1", "ConfigMap", job_.name);
    made["immutable"] = true;
    made["data"][kSpecName] = yaml_text(job_.spec);
    for (std::size_t i = 0; i < job_.files.size(); ++i) {
      const std::string& bytes = job_.files[i].bytes;
      made["binaryData"][input_key(i)] = yaml_text(
          YAML::EncodeBase64(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
    }
    return made;
  }

  YAML::Node claim() const {
    YAML::Node made = object("v1", "PersistentVolumeClaim", job_.name);
    YAML::Node spec = YAML::Load("accessModes: [ReadWriteOnce]");
    spec["resources"]["requests"]["storage"] = yaml_text(job_.storage);
    if (!job_.storage_class.empty()) spec["storageClassName"] = yaml_text(job_.storage_class);
    made["spec"] = spec;
    return made;
  }

  // ---- who may speak with whom

  YAML::Node pods(const char* component) const {
    return yaml_map({{"podSelector", yaml_map({{"matchLabels", labels(component)}})}});
  }
  YAML::Node policy(const char* component) const {
    YAML::Node made =
        object("networking.k8s.io/v1", "NetworkPolicy", fmt::format("{}-{}", job_.name, component));
    made["spec"] = pods(component);
    return made;
  }

  // It fetches data, and keeps checkpoints, wherever the job says.
  YAML::Node policy_of_coordinator() const {
    YAML::Node made = policy("coordinator");
    made["spec"]["policyTypes"] = YAML::Load("[Ingress]");
    YAML::Node rule = YAML::Load("ports: [{port: 7700}]");
    rule["from"].push_back(pods("server"));
    rule["from"].push_back(pods("worker"));
    made["spec"]["ingress"].push_back(rule);
    return made;
  }

  YAML::Node policy_of_servers() const {
    YAML::Node made = policy("server");
    made["spec"]["policyTypes"] = YAML::Load("[Ingress]");
    YAML::Node rule;
    rule["from"].push_back(pods("server"));
    rule["from"].push_back(pods("worker"));
    made["spec"]["ingress"].push_back(rule);
    return made;
  }

  YAML::Node policy_of_workers() const {
    YAML::Node made = policy("worker");
    made["spec"]["policyTypes"] = YAML::Load("[Ingress, Egress]");
    YAML::Node rule;
    rule["to"].push_back(pods("coordinator"));
    rule["to"].push_back(pods("server"));
    made["spec"]["egress"].push_back(rule);
    made["spec"]["egress"].push_back(
        YAML::Load("ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]"));
    return made;
  }

  // ---- pods

  std::string coordinator_address() const {
    return fmt::format("tcp://{0}-coordinator-0-0.{0}:7700", job_.name);
  }

  YAML::Node pod(const char* component, const PodSize& size, const YAML::Node& words) const {
    YAML::Node spec = YAML::Load(kPod);
    YAML::Node container = spec["containers"][0];
    container["image"] = yaml_text(job_.image);
    container["args"] = words;
    for (const char* what : {"requests", "limits"}) {
      container["resources"][what] =
          yaml_map({{"cpu", yaml_text(size.cpu)}, {"memory", yaml_text(size.memory)}});
    }
    mount(spec, "keys", "/etc/ballast/keys",
          yaml_map({{"secret",
                     yaml_map({{"secretName", YAML::Node(std::string("ballast-keys-") + component)},
                               {"defaultMode", YAML::Node("0440")}})}}))["readOnly"] = true;
    mount(spec, "tmp", "/tmp", YAML::Load("emptyDir: {sizeLimit: 1Gi}"));
    return yaml_map({{"metadata", yaml_map({{"labels", labels(component)}})}, {"spec", spec}});
  }

  // The mount, for what else there is to say of it.
  static YAML::Node mount(YAML::Node spec, const std::string& name, const std::string& path,
                          YAML::Node volume) {
    volume["name"] = name;
    spec["volumes"].push_back(volume);
    return mount_again(spec, name, path);
  }
  static YAML::Node mount_again(YAML::Node spec, const std::string& name, const std::string& path) {
    YAML::Node mount = yaml_map({{"name", yaml_text(name)}, {"mountPath", yaml_text(path)}});
    spec["containers"][0]["volumeMounts"].push_back(mount);
    return mount;
  }

  void add_secret(YAML::Node pod) const {
    if (job_.secret.empty()) return;
    pod["spec"]["containers"][0]["envFrom"].push_back(
        yaml_map({{"secretRef", yaml_map({{"name", yaml_text(job_.secret)}})}}));
  }

  YAML::Node coordinator() const {
    YAML::Node made =
        pod("coordinator", job_.coordinator_size,
            yaml_texts({job_.verb, fmt::format("{}/{}", kSpecDirectory, kSpecName), "--out",
                        fmt::format("{}/{}", kVolume, job_.name), "--listen", "tcp://0.0.0.0:7700",
                        "--workers", std::to_string(job_.workers), "--servers",
                        std::to_string(job_.servers), "--keys", "/etc/ballast/keys", "--log-level",
                        "info"}));
    YAML::Node spec = made["spec"];
    mount(spec, "result", kVolume,
          yaml_map({{"persistentVolumeClaim", yaml_map({{"claimName", yaml_text(job_.name)}})}}));
    mount(spec, "input", fmt::format("{}/{}", kSpecDirectory, kSpecName),
          yaml_map({{"configMap", yaml_map({{"name", yaml_text(job_.name)}})}}))["subPath"] =
        kSpecName;
    for (std::size_t i = 0; i < job_.files.size(); ++i) {
      mount_again(spec, "input",
                  fmt::format("{}/{}", kSpecDirectory, job_.files[i].path))["subPath"] =
          input_key(i);
    }
    for (std::size_t i = 0; i < job_.claims.size(); ++i) {
      const MountedClaim& one = job_.claims[i];
      mount(spec, fmt::format("data-{}", i), one.path,
            yaml_map({{"persistentVolumeClaim",
                       yaml_map({{"claimName", yaml_text(one.claim)},
                                 {"readOnly", YAML::Node(true)}})}}))["readOnly"] = true;
    }
    add_secret(made);
    return made;
  }

  YAML::Node server() const {
    YAML::Node made =
        pod("server", job_.server_size,
            yaml_texts({"server", "--coordinator", coordinator_address(), "--listen",
                        "tcp://$(POD_IP):*", "--home", fmt::format("{}/tables", kVolume), "--keys",
                        "/etc/ballast/keys", "--wait", "0"}));
    made["spec"]["containers"][0]["env"] =
        YAML::Load("[{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]");
    mount(made["spec"], "tables", kVolume, YAML::Load("emptyDir: {}"));
    add_secret(made);
    return made;
  }

  YAML::Node worker() const {
    YAML::Node made = pod("worker", job_.worker_size,
                          yaml_texts({"worker", "--coordinator", coordinator_address(), "--keys",
                                      "/etc/ballast/keys", "--wait", "0"}));
    mount(made["spec"], "cache", kVolume, YAML::Load("emptyDir: {}"));
    return made;
  }

  // ---- the set

  static YAML::Node replicated(const char* name, std::uint32_t pods, int faults_max,
                               const char* failures, const YAML::Node& pod) {
    const YAML::Node spec = yaml_map({{"parallelism", YAML::Node(pods)},
                                      {"completions", YAML::Node(pods)},
                                      {"backoffLimit", YAML::Node(faults_max)},
                                      {"podReplacementPolicy", YAML::Node("Failed")},
                                      {"podFailurePolicy", YAML::Load(failures)},
                                      {"template", pod}});
    return yaml_map({{"name", YAML::Node(name)},
                     {"replicas", YAML::Node(1)},
                     {"template", yaml_map({{"spec", spec}})}});
  }

  YAML::Node job_set() const {
    YAML::Node made = object("jobset.x-k8s.io/v1alpha2", "JobSet", job_.name);
    if (!job_.queue.empty()) {
      made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = yaml_text(job_.queue);
    }
    YAML::Node spec = YAML::Load(
        "network: {enableDNSHostnames: true, publishNotReadyAddresses: true}\n"
        "successPolicy: {operator: All, targetReplicatedJobs: [coordinator]}\n"
        "failurePolicy: {maxRestarts: 0}\n");
    spec["ttlSecondsAfterFinished"] = job_.keep_seconds;
    spec["network"]["subdomain"] = yaml_text(job_.name);
    YAML::Node jobs;
    jobs.push_back(
        replicated("coordinator", 1, kCoordinatorFaultsMax, kCoordinatorFailures, coordinator()));
    jobs.push_back(replicated("server", job_.servers, kMemberFaultsMax, kMemberFailures, server()));
    jobs.push_back(replicated("worker", job_.workers, kMemberFaultsMax, kMemberFailures, worker()));
    spec["replicatedJobs"] = jobs;
    made["spec"] = spec;
    return made;
  }

  const KubernetesJob& job_;
};

}  // namespace

std::string render(const KubernetesJob& job) { return Renderer(job).all(); }

}  // namespace ballast
