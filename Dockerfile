# The bot for production: no embedded PostgreSQL (set DATABASE_URL and OPS_AUDIT_KEY), no sandbox, no tests.
# docker build -t handrail . && docker run --env-file .env -v ./ops.toml:/etc/handrail/ops.toml:ro handrail

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/handrail
COPY pyproject.toml constraints.txt README.md ./
COPY bot ./bot
COPY commands ./commands
COPY integrations ./integrations
COPY ops ./ops
RUN /opt/handrail/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.13-slim
# tini is process 1: it passes signals on, and reaps what jobs leave behind.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/handrail handrail
COPY --from=build /opt/handrail /opt/handrail
ENV PATH="/opt/handrail/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    OPS_CONFIG=/etc/handrail/ops.toml \
    OPS_DATA=/var/lib/handrail/data
USER 10001
WORKDIR /var/lib/handrail
# Safety stops are journalled here while the database cannot be written.
VOLUME /var/lib/handrail
EXPOSE 8080
# Ready means: the database answers, Slack is heard, jobs go on. Patient, as an outage of Slack's is no reason to restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=10 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
# SIGTERM lets running work end for some seconds; after 10 the process is gone, whatever it does: docker stop waits as long.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "ops"]
CMD ["serve", "--health", "0.0.0.0:8080"]
