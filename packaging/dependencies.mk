# What building, checking and the demo need: one list per package family, used by `make deps`, and
# through it by the README and .ci/run.
APT_PACKAGES := gcc g++ make pkg-config clang libclang-rt-14-dev \
	libmicrohttpd-dev libcurl4-openssl-dev libjson-c-dev libcunit1-dev libsystemd-dev \
	libconfuse-dev libacl1-dev libssl-dev \
	acl binutils curl gdb iproute2 jq openssl procps python3 python3-jsonschema python3-pytest python3-pytest-xdist python3-yaml strace util-linux valgrind wrk
DNF_PACKAGES := gcc gcc-c++ make pkgconf-pkg-config clang compiler-rt \
	libmicrohttpd-devel libcurl-devel json-c-devel CUnit-devel systemd-devel \
	libconfuse-devel libacl-devel openssl-devel libasan libubsan \
	acl binutils curl gdb iproute jq openssl procps-ng python3 python3-jsonschema python3-pytest python3-pytest-xdist python3-pyyaml strace util-linux valgrind

# What making packages needs, which is done on Debian; what tests them as files, which is part of
# `make check` there; and what boots them, for `make check-packages`. What `make lint` runs. What
# `make bench` measures beside, and draws with.
APT_PACKAGES_DEB := build-essential debhelper dh-apparmor dpkg-dev fakeroot
APT_PACKAGES_RPM := debugedit elfutils rpm
APT_PACKAGES_LINT := abigail-tools apparmor groff-base lintian man-db mandoc rpmlint systemd
APT_PACKAGES_STATIC := clang-format clang-tidy cppcheck pyflakes3 shellcheck universal-ctags
APT_PACKAGES_BOOT := mmdebstrap systemd-container
APT_PACKAGES_BENCH := gnuplot-nox keyutils
DNF_PACKAGES_STATIC := clang-tools-extra cppcheck python3-pyflakes ShellCheck ctags
DNF_PACKAGES_BENCH := gnuplot-minimal
# The model checker of the segment's protocol: `make model`, and the short run of it in `make check`. Fedora
# has no such package: there that run is skipped, and says so.
APT_PACKAGES_MODEL := spin
