#!/usr/bin/python3
"""Checks a Kubernetes manifest that preloads the library, and prints the command of its init container as a line of sh.

    manifest.py FILE"""
import os
import shlex
import sys

import yaml

(document,) = yaml.safe_load_all(open(sys.argv[1]))
assert (document["apiVersion"], document["kind"]) == ("apps/v1", "Deployment")
spec = document["spec"]
pod = spec["template"]["spec"]
assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
volumes = {volume["name"]: volume for volume in pod["volumes"]}
assert "emptyDir" in volumes["onewrite"]
for container in pod["initContainers"] + pod["containers"]:
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True and context["allowPrivilegeEscalation"] is False
    assert all(mount["name"] in volumes for mount in container["volumeMounts"])
(init,), (server,) = pod["initContainers"], pod["containers"]
(written,), (read,) = init["volumeMounts"], server["volumeMounts"]
assert read["readOnly"] is True
assert init["command"][-1].rstrip("/") == written["mountPath"]
environment = {variable["name"]: variable["value"] for variable in server["env"]}
assert all(isinstance(value, str) for value in environment.values())
assert environment["LD_PRELOAD"] == read["mountPath"] + "/" + os.path.basename(init["command"][-2])
print(shlex.join(init["command"]))
