# The API, the workers and the commands; everything from the lock, by hash, as a plain user.
FROM python:3.11-slim AS medrelay
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PATH=/opt/medrelay/bin:$PATH
RUN useradd --system --user-group --uid 10001 --home-dir /var/lib/medrelay --create-home medrelay \
    && python -m venv /opt/medrelay
WORKDIR /app
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md alembic.ini ./
COPY alembic ./alembic
COPY contracts ./contracts
COPY ledger ./ledger
COPY optimizer ./optimizer
COPY services ./services
RUN pip install --no-deps --no-build-isolation -e .
USER medrelay
VOLUME /var/lib/medrelay
EXPOSE 8000
ENTRYPOINT ["medrelay"]
CMD ["serve"]

# The node of the log's chain, where no other chain is named. The same version as in the Makefile.
FROM node:24-slim AS anvil
ARG ANVIL_VERSION=1.7.1
RUN npm install --prefix /opt/anvil --no-save --no-audit --no-fund --ignore-scripts \
        @foundry-rs/anvil@${ANVIL_VERSION} \
    # The binary itself: the package's launcher wouldn't pass the signal on that saves the state.
    && ln -s "$(find /opt/anvil -path '*/anvil-*/bin/anvil')" /usr/local/bin/anvil \
    && mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8545
ENTRYPOINT ["anvil"]
