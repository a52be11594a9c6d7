FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md ./
COPY resolver ./resolver
# The environment has no pip of its own: the builder's pip installs into it, so nothing has to be removed later.
RUN python -m venv --without-pip /opt/resolver \
 && pip --python /opt/resolver/bin/python install --no-cache-dir --no-compile '.[speed]' \
 && /opt/resolver/bin/python -m compileall -q /opt/resolver/lib

FROM python:3.12-slim
# The base image brings a pip for the system interpreter; a server needs none.
RUN rm -rf /usr/local/lib/python3.12/site-packages/pip* /usr/local/lib/python3.12/ensurepip /usr/local/bin/pip*
COPY --from=build /opt/resolver /opt/resolver
COPY config/container.Corefile /etc/resolver/Corefile
ENV PATH=/opt/resolver/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 53/udp 53/tcp 8080/tcp 8181/tcp 9153/tcp
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health', timeout=2)"]
ENTRYPOINT ["resolver"]
CMD ["-conf", "/etc/resolver/Corefile"]
