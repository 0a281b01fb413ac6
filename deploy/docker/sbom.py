#!/usr/bin/env python3
"""What is in the image, as SPDX 2.3 JSON on stdout.

The Debian packages come from dpkg's own record, the JavaScript that is embedded in the binary from
the lock file that it was bundled by.
"""

import argparse
import hashlib
import json
import sys
import time
from urllib.parse import quote


def stanzas(path):
    """Each paragraph of dpkg's status file as a dict; continuation lines are left out."""
    with open(path, encoding="utf-8") as file:
        for paragraph in file.read().split("\n\n"):
            fields = {}
            for line in paragraph.splitlines():
                if line and not line[0].isspace() and ":" in line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
            if fields:
                yield fields


def package(kind, name, version, purl, supplier="NOASSERTION"):
    spdx_name = "".join(c if c.isalnum() or c in ".-" else "-" for c in f"{kind}-{name}")
    return {
        "SPDXID": f"SPDXRef-{spdx_name}",
        "name": name,
        "versionInfo": version,
        "supplier": supplier,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": purl,
            }
        ],
    }


def debian(path):
    for fields in stanzas(path):
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version, arch = fields["Package"], fields["Version"], fields["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='~.')}?arch={arch}"
        yield package("deb", name, version, purl, f"Organization: {fields['Maintainer']}")


def npm(path, roots):
    """The roots and what they depend on: what only bundles them is not in the binary."""
    with open(path, encoding="utf-8") as file:
        entries = json.load(file)["packages"]
    wanted, seen = list(roots), set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        entry = entries[f"node_modules/{name}"]
        wanted.extend(entry.get("dependencies", {}))
        purl = f"pkg:npm/{quote(name, safe='/')}@{quote(entry['version'])}"
        yield package("npm", name, entry["version"], purl)


def document(packages, version, revision):
    purl = f"pkg:generic/ballast@{quote(version)}" + (f"?revision={revision}" if revision else "")
    ballast = package("generic", "ballast", version, purl)
    ballast["licenseDeclared"] = "Apache-2.0"
    packages = [ballast] + sorted(packages, key=lambda p: p["SPDXID"])
    digest = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"ballast-{version}",
        "documentNamespace": f"https://ballast.invalid/spdx/{digest}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "creators": ["Tool: ballast-sbom"],
        },
        "packages": packages,
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relatedSpdxElement": ballast["SPDXID"],
                "relationshipType": "DESCRIBES",
            }
        ]
        + [
            {
                "spdxElementId": ballast["SPDXID"],
                "relatedSpdxElement": each["SPDXID"],
                "relationshipType": "CONTAINS" if "-npm-" in each["SPDXID"] else "DEPENDS_ON",
            }
            for each in packages[1:]
        ],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--status", required=True, help="dpkg's status file of the image")
    parser.add_argument("--npm", required=True, help="the package-lock.json of what is embedded")
    parser.add_argument("--embedded", nargs="+", required=True, help="npm packages in the binary")
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", default="")
    options = parser.parse_args()
    packages = list(debian(options.status)) + list(npm(options.npm, options.embedded))
    json.dump(document(packages, options.version, options.revision), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
