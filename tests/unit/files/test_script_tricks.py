"""Ways to write a command, each of which is the same command to the shell."""

import os

import pytest

from tests.unit.files.test_script_policy import refused

AS_SUDO = [
    "su\\\ndo id",
    "s''u\"\"do id",
    "$(echo sudo) id",
    "`printf '%s%s' su do` id",
    "X=sudo; ${X} id",
    "X=do; su$X id",
    "X=SUDO; ${X,,} id",
    "X=xsudo; ${X#x} id",
    "X=sudo.exe; ${X%.*} id",
    "X=s_do; ${X/_/u} id",
    "X=sudo; Y=X; ${!Y} id",
    "${UNSET_HERE:-sudo} id",
    "a=(x sudo); ${a[1]} id",
    "a=(); a+=(sudo); a+=(id); ${a[@]}",
    "c='sudo id'; $c",
    "IFS=,; c=sudo,id; $c",
    "printf -v c '%s' sudo; $c id",
    "read -r c <<< sudo; $c id",
    "echo sudo id | while read -r c; do $c; done",
    "echo 'sudo id' | bash",
    "bash <<< 'sudo id'",
    "bash < <(echo sudo id)",
    ". <(echo sudo id)",
    "source /dev/stdin <<< 'sudo id'",
    "sh -ec 'sudo id'",
    "bash -c \"bash -c 'sudo id'\"",
    "bash -c '\"$@\"' bash sudo id",
    "/usr/bin/env -i sudo id",
    "exec sudo id",
    "command -p sudo id",
    "builtin command sudo id",
    "busybox sh -c 'sudo id'",
    "echo id | xargs sudo",
    "find . -name x -exec sudo id {} \\;",
    "nice -n 5 ionice -c 3 setsid sudo id",
    "mpirun -np 4 sudo id",
    "taskset 0x1 stdbuf -oL sudo id",
    "conda run -n base sudo id",
    "f() { sudo id; }",
    "f() { local c=$1; shift; $c $@; }; f sudo id",
    "if false; then :; elif sudo id; then :; fi",
    "case x in y) ;; *) sudo id ;; esac",
    "until sudo id; do :; done",
    "for ((;;)); do sudo id; done",
    "[[ -n $(sudo id) ]]",
    "echo $(( $(sudo id) + 1 ))",
    "x=$(sudo id)",
    "declare x=$(sudo id)",
    "echo > $(sudo id)",
    "cat <<EOF\n$(sudo id)\nEOF\n",
    "coproc sudo id",
    "time sudo id",
    "! sudo id",
    "{ (sudo id) } | cat",
    "true && false || sudo id &",
    "alias x='sudo id'",
    "watch 'sudo id'",
    "parallel 'sudo {}' ::: id",
    "flock lock -c 'sudo id'",
    "flock lock sudo id",
    "awk '{ print | \"sudo id\" }' x",
    "tar xf a.tar --to-command='sudo id'",
    "env -S 'sudo id'",
    "eval eval sudo id",
    "trap 'sudo id' 0",
    "s\0udo id",
]


@pytest.mark.parametrize("script", AS_SUDO)
def test_sudo_is_found_however_it_is_written(script: str) -> None:
    assert (refused(script) or "").startswith("privilege.sudo ")


@pytest.mark.parametrize(
    "script",
    [
        "rm -rf //",
        "rm -fr /./",
        "rm -r /tmp/../",
        "cd /tmp; cd ..; rm -rf *",
        "cd /; cd; cd -; rm -r .",
        "rm -rf $PWD/../../../..",
        "rm -rf ${HOME:0:1}",
        "rm -rf /{,x}",
        "D=; rm -rf $D/",
        "for d in a /; do rm -rf $d; done",
        "if test a; then d=/; else d=b; fi; rm -rf $d",
        "echo / | xargs rm -rf",
    ],
)
def test_the_root_is_found_however_it_is_reached(script: str) -> None:
    assert refused(script) == "destructive.root 1"


@pytest.mark.parametrize(
    "script",
    [
        "cat /etc//shadow",
        "cat < /etc/shadow",
        "cd /etc && cat ./shadow",
        "cd /; cd etc; cat shadow",
        "(cd /etc; cat shadow)",
        "cp --target-directory=. /etc/shadow",
        "dd if=/etc/shadow",
        "cat /etc/{hosts,shadow}",
        "cat /etc/sh?dow",
        "cat /*/shadow",
        "tee -a /etc/shadow",
        "cat $HOME/.ssh/id_rsa",
        "cat ~someone/.ssh/id_rsa",
        f"cat {os.sep}home{os.sep}someone/.ssh/id_rsa",
        "cd /root; exec 3< x",
        "x=$(< /etc/shadow)",
        "mapfile -t x < /etc/shadow",
        "ln -s /etc/shadow mine",
        "cat /proc/self/environ",
    ],
)
def test_a_sensitive_file_is_found_however_it_is_named(script: str) -> None:
    assert refused(script) == "sensitive-path 1"


@pytest.mark.parametrize(
    "script",
    [
        "cd /etc; cd -; cat shadow",
        "(cd /etc); cat shadow",
        "cd $SOMEWHERE; rm -rf ../*",
        "rm -rf $SOMEWHERE/*",
        "rm -rf /tmp/$USER.x ./* *.log",
        "echo '/etc/shadow'",
        "X=sudo",
        "# sudo",
        "cat <<E\nsudo id\nE\n",
        "sudo_like",
        "unset sudo; sudo=1",
        "command -v sudo",
        "which curl || echo 'no curl'",
        "f() { :; }; unset f; cp a b",
        "curl() { :; }; curl x",
        "rsync -a a/ b/",
        "trap 'echo $? > .orchestrator.exit' EXIT",
        "at=1; echo $at",
        'eval "$(micromamba shell hook --shell bash)"',
        "git clone ./a b",
        "chmod g+s shared",
        "chmod 2775 shared",
        "while true; do sleep 1 & wait; done",
        "yes | head -n 3",
        "sed -i 's/a/b/' input.txt",
        "cp a.txt /tmp",
        "mkdir -p /dev/shm/mine",
        "echo x > /dev/stderr 2> /dev/null",
    ],
)
def test_what_only_looks_like_harm_passes(script: str) -> None:
    assert refused(script) is None


def test_a_line_within_a_script_within_a_script_is_one_of_the_script() -> None:
    script = "echo a\nbash <<'A'\necho b\nbash -c '\n  sudo id\n'\nA\n"

    assert refused(script) == "privilege.sudo 5"


def test_a_text_that_was_put_together_is_at_the_line_where_it_is_run() -> None:
    script = "x='\n\nsudo id'\necho a\nbash -c \"$x\"\n"

    assert refused(script) == "privilege.sudo 5"
