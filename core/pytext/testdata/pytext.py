# Answers each case as Python itself does.
import json, sys

doc = json.load(sys.stdin)
args = {m['Name']: m['Value'] for m in doc['args']}
out = []
for case in doc['cases']:
    kind, text = case['Kind'], case['Text']
    try:
        if kind == 'repr':
            r = repr(text)
        elif kind == 'bytes':
            r = repr(text.encode('utf-8'))
        elif kind == 'float':
            r = repr(float(case['Float']))
        elif kind == 'int':
            r = repr(max(-2**63, min(2**63 - 1, int(text, case['Base']))))
        elif kind == 'space':
            r = repr(text.isspace())
        else:
            r = text % args
    except Exception as e:
        r = 'error: %s' % e
    out.append(r)
json.dump(out, sys.stdout)
