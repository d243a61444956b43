import ts from 'typescript'
import { descendants, isScript, lineOf, parseScript } from './script-tree.ts'
import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'

/** Where amounts are carried. They are decimal strings or `Decimal`, never a number. */
const carriers = /^(app|workers)\//
const amountName = /(price|quantity|amount|fee|balance|notional)$/i

const operators: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.PlusToken,
  ts.SyntaxKind.MinusToken,
  ts.SyntaxKind.AsteriskToken,
  ts.SyntaxKind.SlashToken,
  ts.SyntaxKind.PercentToken,
  ts.SyntaxKind.AsteriskAsteriskToken,
  ts.SyntaxKind.PlusEqualsToken,
  ts.SyntaxKind.MinusEqualsToken,
  ts.SyntaxKind.AsteriskEqualsToken,
  ts.SyntaxKind.SlashEqualsToken,
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
])
const conversions = /^((Number\.)?parse(Float|Int)|Number|Math\.\w+)$/

/**
 * Amounts that are made a number, calculated with, or compared as text. It goes by the name of
 * the value: what is called a price, a quantity, an amount, a fee or a balance is exact.
 */
export function checkAmountArithmetic(file: SourceFile): Violation[] {
  if (!carriers.test(file.path) || !isScript(file.path)) return []
  const found: Violation[] = []
  for (const node of descendants(parseScript(file))) {
    const message = binary(node) ?? unary(node) ?? conversion(node)
    if (message) {
      found.push({ path: file.path, line: lineOf(node), rule: 'amount-arithmetic', message })
    }
  }
  return found
}

function binary(node: ts.Node): string | undefined {
  if (!ts.isBinaryExpression(node) || !operators.has(node.operatorToken.kind)) return undefined
  const name = nameOfAmount(node.left) ?? nameOfAmount(node.right)
  return name && `\`${node.operatorToken.getText()}\` on ${name}: calculate with Decimal or in SQL`
}

function unary(node: ts.Node): string | undefined {
  if (!ts.isPrefixUnaryExpression(node) && !ts.isPostfixUnaryExpression(node)) return undefined
  if (node.operator === ts.SyntaxKind.ExclamationToken) return undefined
  const name = nameOfAmount(node.operand)
  return name && `a sign or step on ${name}: calculate with Decimal or in SQL`
}

function conversion(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node)) return undefined
  const callee = node.expression
  if (ts.isPropertyAccessExpression(callee) && callee.name.text === 'toNumber') {
    const name = nameOfAmount(callee.expression)
    return name && `${name} is made a number`
  }
  if (!conversions.test(callee.getText())) return undefined
  const name = node.arguments.map(nameOfAmount).find(found => found !== undefined)
  return name && `${callee.getText()}() makes ${name} a number`
}

function nameOfAmount(node: ts.Expression): string | undefined {
  const name = lastName(node)
  return name !== undefined && amountName.test(name) ? name : undefined
}

function lastName(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) return node.name.text
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return node.argumentExpression.text
  }
  if (ts.isParenthesizedExpression(node)) return lastName(node.expression)
  if (ts.isBinaryExpression(node) && node.operatorToken.getText() === '??') {
    return lastName(node.left)
  }
  return undefined
}
