# Answers each case as Python's own library does.
import configparser, glob, io, json, os, posixpath, shlex, signal, sys, tempfile

def parse(texts):
    p = configparser.RawConfigParser(inline_comment_prefixes=(';', '#'), strict=False)
    for text in texts:
        p.read_file(io.StringIO(text, newline=None), source='a file')
    return [[s, [[o, p.get(s, o)] for o in p.options(s)]] for s in p.sections()]

def pairs(text):
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += '/.+-():'
    return list(lexer)

def find(case):
    with tempfile.TemporaryDirectory() as d:
        for name in case['names']:
            os.makedirs(os.path.dirname(os.path.join(d, name)), exist_ok=True)
            open(os.path.join(d, name), 'w').close()
        return [[n[len(d) + 1:] for n in sorted(glob.glob(d + '/' + p))] for p in case['patterns']]

def signals(_):
    names = {k: int(v) for k, v in signal.__dict__.items() if k.startswith('SIG')}
    return [names, {str(v): k for k, v in names.items() if not k.startswith('SIG_')}]

functions = {
    'signals': signals,
    'parse': parse,
    'split': shlex.split,
    'pairs': pairs,
    'glob': find,
    'normpath': posixpath.normpath,
    'dirname': posixpath.dirname,
    'utf8': lambda hexes: ''.join(io.TextIOWrapper(io.BytesIO(bytes.fromhex(hexes)), encoding='utf-8')),
}
out = []
for case in json.load(sys.stdin):
    try:
        out.append({'ok': functions[case['do']](case['with'])})
    except (ValueError, configparser.Error) as e:
        out.append({'error': str(e)})
json.dump(out, sys.stdout)
