import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

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
    files: ['src/**/*.tsx'],
    ignores: ['src/**/*.spec.tsx', 'src/testing/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXElement[openingElement.name.name!=/^(code|kbd)$/] > JSXText[value=/[A-Za-z]{2}/]',
          message: 'Say it through the translator: {trans.__(…)}.'
        },
        {
          selector:
            'JSXAttribute[name.name=/^(title|label|alt|placeholder|aria-label)$/] > Literal[value=/[A-Za-z]{2}/]',
          message: 'Say it through the translator: trans.__(…).'
        }
      ]
    }
  },
  {
    files: ['src/**/*.spec.{ts,tsx}', 'src/testing/**'],
    rules: { 'max-lines-per-function': 'off' }
  }
);
