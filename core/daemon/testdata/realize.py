# Reads command lines as Supervisor's own supervisord does, and prints for each the
# lines that a transcript has for it. The files lie in the working directory.
import io, json, os, sys, warnings

where, cases = json.load(sys.stdin)
sys.path[:0] = where
warnings.simplefilter('ignore')
from supervisor import loggers, options

here = os.getcwd()
defaults = None


def shown(o):
    return {
        'logfile': o.logfile, 'logfile_maxbytes': o.logfile_maxbytes, 'logfile_backups': o.logfile_backups,
        'loglevel': loggers.LOG_LEVELS_BY_NUM[o.loglevel], 'pidfile': o.pidfile, 'identifier': o.identifier,
        'childlogdir': o.childlogdir, 'directory': o.directory, 'umask': '%04o' % o.umask,
        'minfds': o.minfds, 'minprocs': o.minprocs,
        'nodaemon': bool(o.nodaemon), 'silent': bool(o.silent), 'nocleanup': bool(o.nocleanup), 'strip_ansi': bool(o.strip_ansi),
        'uid': o.uid, 'serverurl': o.serverurl,
    }


class Exit(Exception):
    pass


def leave(code):
    raise Exit(code)


def answer(args):
    o = options.ServerOptions()
    o.stdout, o.stderr, o.exit = io.StringIO(), io.StringIO(), leave
    try:
        o.realize(args, doc='help', progname='supervisord')
    except Exit as e:
        return ['exit %s' % e] + (o.stdout.getvalue() + o.stderr.getvalue()).splitlines()
    return ['%s=%s' % (k, v) for k, v in shown(o).items() if v != defaults.get(k)]


defaults = {}
defaults = dict(line.split('=', 1) for line in answer(['-c', 'bare.conf']))
real = answer


def compared(args):
    return [line for line in real(args) if not ('=' in line and defaults.get(line.split('=', 1)[0]) == line.split('=', 1)[1])]


out = []
for args in cases:
    first = args == ['-c', 'bare.conf']
    try:
        lines = real(args) if first else compared(args)
    except Exception as e:
        lines = ['breaks: %s: %s' % (type(e).__name__, e)]
    out.append([line.replace(here, '$D') for line in lines])
json.dump(out, sys.stdout)
