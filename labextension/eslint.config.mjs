import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const SAID = '[name.name=/^(title|label|alt|placeholder|aria-label|aria-description)$/]';
const SHOWN = 'JSXElement[openingElement.name.name!=/^(code|kbd|style)$/] > JSXExpressionContainer';
const KEYS = '[key.name=/^(label|title|caption|help|heading)$/]';
// Neither CSV nor max_queue is a word of any language.
const WORD = '[value=/^(?!\\w+_\\w+$).*[a-z]{2}/]';
const PART = 'TemplateElement[value.raw=/[a-z]{2}/]';
/** Texts for people, written as they are: between tags, in what is read out or shown at the mouse, and in what becomes that. */
const UNTRANSLATED = [
  `JSXElement[openingElement.name.name!=/^(code|kbd|style)$/] > JSXText${WORD}`,
  `${SHOWN} > :matches(ConditionalExpression, LogicalExpression) > Literal${WORD}`,
  `${SHOWN} > TemplateLiteral > ${PART}`,
  `JSXAttribute${SAID} > Literal${WORD}`,
  `JSXAttribute${SAID} > JSXExpressionContainer > :matches(ConditionalExpression, LogicalExpression) > Literal${WORD}`,
  `JSXAttribute${SAID} > JSXExpressionContainer > TemplateLiteral > ${PART}`,
  `Property${KEYS} > Literal${WORD}`,
  `Property${KEYS} > TemplateLiteral > ${PART}`
];

export default defineConfig(
  globalIgnores(['lib/', 'node_modules/', 'src/api/schema.ts']),
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      jsxA11y.flatConfigs.strict
    ],
    plugins: { 'react-hooks': reactHooks },
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      ...reactHooks.configs.recommended.rules,
      'max-lines': ['error', 400],
      // A section is a function of props that it reads at the top.
      'max-lines-per-function': ['error', { max: 80, skipComments: true, skipBlankLines: true }],
      // Numbers in sentences are what templates are for.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A callback that returns nothing may be one line.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A name that begins with _ is there to be left out.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }]
    }
  },
  {
    // What a person reads comes from the translator. `code` and `kbd` hold what is typed, in every language the same.
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/*.spec.{ts,tsx}', 'src/testing/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...UNTRANSLATED.map(selector => ({
          selector,
          message: 'Say it through the translator: trans.__(…).'
        }))
      ]
    }
  },
  {
    files: ['src/**/*.spec.{ts,tsx}', 'src/testing/**'],
    rules: { 'max-lines-per-function': 'off' }
  }
);
