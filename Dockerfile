# The image has Debian's Python, what this server imports, iptables for `resolver node`, and nothing else: no shell, no
# package manager, no compiler. deploy/image/README.md tells how large it is, and how to build it for several machines.
ARG DEBIAN=trixie

FROM debian:${DEBIAN}-slim AS build
RUN apt-get -q update \
 && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends binutils python3-pip python3-venv
COPY deploy/image/assemble.sh /source/deploy/image/assemble.sh
RUN /source/deploy/image/assemble.sh /rootfs
WORKDIR /source
COPY pyproject.toml README.md ./
COPY resolver ./resolver
# The environment has no pip of its own: the builder's pip installs into it. Wheels only, so nothing is compiled. What
# libraries have besides code (debug symbols, sources of extensions) stays here.
RUN python3 -m venv --without-pip /opt/resolver \
 && python3 -m pip --python /opt/resolver/bin/python install --no-cache-dir --no-compile --only-binary=:all: \
    '.[speed,kubernetes,node,regex,report,dnssec,etcd,geoip,quic]' \
 && find /opt/resolver -name '*.so' -exec strip --strip-unneeded {} + \
 && find /opt/resolver \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' \) -delete \
 && mkdir -p /rootfs/opt && cp -a /opt/resolver /rootfs/opt/resolver \
 && python3 -m compileall -q --invalidation-mode unchecked-hash -s /rootfs -p / \
    /rootfs/usr/lib/python3.13 /rootfs/opt/resolver/lib

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="k8s-resolver" \
      org.opencontainers.image.description="A DNS forwarder and authoritative sidecar for Kubernetes, configured like CoreDNS" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /rootfs /
COPY config/container.Corefile /etc/resolver/Corefile
ENV PATH=/opt/resolver/bin:/usr/sbin:/usr/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 53/udp 53/tcp 8080/tcp 8181/tcp 9153/tcp
USER 65532:65532
# Without the modules that urllib would import: this runs every ten seconds for as long as the server does.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-I", "-S", "-c", "import socket, sys; asked = socket.create_connection(('127.0.0.1', 8080), 2); asked.sendall(b'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'); sys.exit(b' 200 ' not in asked.recv(64))"]
ENTRYPOINT ["resolver"]
CMD ["-conf", "/etc/resolver/Corefile"]
