FROM python:3.12-slim
WORKDIR /source
# Named one by one: a checkout may hold environments and caches that are nobody's business here.
COPY pyproject.toml README.md LICENSE openapi.yaml ./
COPY .ci/constraints.txt .ci/
COPY fixtures fixtures
COPY mock_server mock_server
COPY contracts contracts
RUN pip install --no-cache-dir -c .ci/constraints.txt . && rm -rf /source/* && useradd --create-home mock
WORKDIR /home/mock
USER mock
EXPOSE 4010
# Inside a container loopback is nobody's: publish the port to the host's loopback instead.
ENTRYPOINT ["mock-server"]
CMD ["serve", "--host", "0.0.0.0"]
