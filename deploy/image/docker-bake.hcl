# docker buildx bake -f deploy/image/docker-bake.hcl --push
variable "IMAGE" { default = "k8s-resolver" }
variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "unknown" }

target "default" {
  context    = "."
  dockerfile = "Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["${IMAGE}:${VERSION}"]
  args       = { VERSION = VERSION, REVISION = REVISION }
  attest     = ["type=provenance,mode=max", "type=sbom"]
}
