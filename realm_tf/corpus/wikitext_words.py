# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Words that mean something to MediaWiki or its writers, in many languages.

A dump names its namespaces, but not these.
"""

REDIRECT = (
  *('redirect', 'weiterleitung', 'redirection', 'redirección', 'rinvia'),
  *('doorverwijzing', 'redirecionamento', 'patrz', 'przekieruj', 'tam'),
  *('перенаправление', 'перенаправлення', 'omdirigering', 'ohjaus', '転送'),
  *('リダイレクト', '重定向', '넘겨주기', 'yönlendi̇rme', 'yönlendirme', 'đổi'),
  *('تحويل', 'تغییر_مسیر', 'הפניה', 'átirányítás', 'přesměruj', 'redirecteaza'),
)

# Names of templates, in lower case.
DISAMBIGUATION = frozenset(
  (
    *('dab', 'hndis', 'geodis', 'numberdis', 'mathdab'),
    'letter-numbercombdisambig',
    *('begriffsklärung', 'begriffsklaerung'),  # de
    *('homonymie', 'paronymie', 'patronyme', 'toponymie'),  # fr
    *('desambiguación', 'desambiguacion', 'desambiguação', 'desambiguació'),
    *('disambigua', 'dp', 'dpintro', 'doorverwijspagina'),  # it, nl
    *('ujednoznacznienie', 'неоднозначность', 'багатозначність', 'вишезначна'),
    *('förgrening', 'flertydig', 'peker', 'pekerside', 'täsmennyssivu'),
    *('rozcestník', 'egyért', 'dezambiguizare', 'anlam ayrımı', 'anlamayrimi'),
    *('aimai', '曖昧さ回避', '消歧义', '消歧義', '동음이의', 'định hướng'),
    *('توضيح', 'ابهام زدایی', 'ابهام‌زدایی', 'פירושונים', 'αποσαφήνιση'),
  )
)

# Sections with no prose in them; they go with all that is nested in them.
NO_PROSE_SECTIONS = frozenset(
  (
    'references',
    'notes',
    'footnotes',
    'notes and references',
    'references and notes',
    'citations',
    'sources',
    'bibliography',
    'works cited',
    'further reading',
    'external links',
    'see also',
    'gallery',
    'discography',
    'filmography',
    # German
    *('einzelnachweise', 'weblinks', 'literatur', 'siehe auch', 'quellen'),
    *('anmerkungen', 'fußnoten', 'galerie', 'diskografie', 'filmografie'),
    # French
    *('notes et références', 'références', 'voir aussi', 'liens externes'),
    *('bibliographie', 'articles connexes', 'annexes', 'discographie'),
    # Spanish, Portuguese, Italian
    *('referencias', 'véase también', 'enlaces externos', 'bibliografía'),
    *('notas', 'notas y referencias', 'referências', 'ver também'),
    *('ligações externas', 'bibliografia', 'note', 'voci correlate'),
    *('altri progetti', 'collegamenti esterni'),
    # Dutch, Swedish, Polish
    *('bronnen, noten en/of referenties', 'bronnen', 'referenties', 'zie ook'),
    *('externe links', 'externe link', 'referenser', 'externa länkar'),
    *('se även', 'källor', 'przypisy', 'linki zewnętrzne', 'zobacz też'),
    # Russian, Ukrainian
    *('примечания', 'литература', 'ссылки', 'см. также', 'источники'),
    *('примітки', 'література', 'посилання', 'джерела', 'див. також'),
    # Japanese, Chinese, Korean
    *('脚注', '参考文献', '外部リンク', '関連項目', '出典', '参考资料'),
    *('參考資料', '外部链接', '外部連結', '参见', '參見', '각주', '외부 링크'),
    *('같이 보기', '참고 문헌'),
  )
)
