# Reads command lines as Supervisor's own supervisord does, in a directory with the
# files, and prints for each what became of it: the settings, or code and text with
# which it leaves.
import io, json, sys, warnings

where, cases = json.load(sys.stdin)
sys.path[:0] = where
warnings.simplefilter('ignore')
from supervisor import loggers, options


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
    except Exception as e:
        return ['breaks: %s: %s' % (type(e).__name__, e)]
    return ['logfile=%s' % o.logfile, 'logfile_maxbytes=%d' % o.logfile_maxbytes, 'logfile_backups=%d' % o.logfile_backups,
            'loglevel=%s' % loggers.LOG_LEVELS_BY_NUM[o.loglevel].upper(), 'pidfile=%s' % o.pidfile, 'identifier=%s' % o.identifier,
            'childlogdir=%s' % o.childlogdir, 'directory=%s' % o.directory, 'umask=%04o' % o.umask,
            'minfds=%d' % o.minfds, 'minprocs=%d' % o.minprocs, 'nodaemon=%s' % bool(o.nodaemon), 'silent=%s' % bool(o.silent),
            'nocleanup=%s' % bool(o.nocleanup), 'strip_ansi=%s' % bool(o.strip_ansi), 'uid=%s' % o.uid, 'serverurl=%s' % o.serverurl]


json.dump([answer(args) for args in cases], sys.stdout)
