"""Runs inside a test machine: uploads the blobs and manifests that a job file names to the registry there."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

with open(sys.argv[1]) as source:
    request = json.load(source)
if request["ca"]:
    context = ssl.create_default_context(cafile=request["ca"])
    connection = http.client.HTTPSConnection("127.0.0.1", request["port"], context=context)
else:
    connection = http.client.HTTPConnection("127.0.0.1", request["port"])
spool = Path(request["spool"])


def send(method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers={**request["headers"], **named})
    response = connection.getresponse()
    text = response.read()
    if response.status >= 400 and method != "HEAD":
        sys.exit(f"{method} {path}: {response.status} {text[:500]!r}")
    return response


for job in request["jobs"]:
    base = f"/v2/{job['repository']}"
    for digest in job["blobs"]:
        if send("HEAD", f"{base}/blobs/{digest}").status == 200:
            continue
        where = urlsplit(send("POST", f"{base}/blobs/uploads/").headers["Location"])
        query = f"{where.query}&digest={digest}" if where.query else f"digest={digest}"
        body = (spool / digest).read_bytes()
        send("PUT", f"{where.path}?{query}", body, Content_Type="application/octet-stream")
    for at, digest, media_type in job["manifests"]:
        send("PUT", f"{base}/manifests/{at}", (spool / digest).read_bytes(), Content_Type=media_type)
