# Two stages: the first builds one static binary, the second holds nothing but it.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /formrelay ./cmd/formrelay \
 && mkdir -p /data /profiles

FROM scratch
# KeyCRM is called over TLS: the roots come from the build image. The time zones are in the binary.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /formrelay /formrelay
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build --chown=65532:65532 /profiles /profiles
USER 65532:65532
ENV FORMRELAY_DATABASE=sqlite:/data/formrelay.db \
    FORMRELAY_PROFILES=/profiles \
    FORMRELAY_LOG_FORMAT=json
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/formrelay", "healthcheck"]
ENTRYPOINT ["/formrelay"]
CMD ["serve"]
