using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// A condition of a query, made from <see cref="IndexField"/>s and joined by <c>&amp;</c>, <c>|</c> and <c>!</c> (or <c>&amp;&amp;</c> and
/// <c>||</c>). Values are sent as parameters, never within the expression. Immutable.
/// </summary>
public abstract class IndexFilter
{
    private IndexFilter() { }

    /// <summary>Both.</summary>
    public static IndexFilter operator &(IndexFilter left, IndexFilter right) => new Joined("AND", left, right);

    /// <summary>At least one.</summary>
    public static IndexFilter operator |(IndexFilter left, IndexFilter right) => new Joined("OR", left, right);

    /// <summary>Not.</summary>
    public static IndexFilter operator !(IndexFilter filter) => new Not(filter);

    /// <summary>Never: so that <c>||</c> asks for its right side, too.</summary>
    public static bool operator true(IndexFilter _) => false;

    /// <summary>Never: so that <c>&amp;&amp;</c> asks for its right side, too.</summary>
    public static bool operator false(IndexFilter _) => false;

    /// <summary>All of them; null of none.</summary>
    public static IndexFilter? All(IEnumerable<IndexFilter> filters) => filters.Aggregate((IndexFilter?)null, (all, next) => all is null ? next : all & next);

    /// <summary>At least one of them; null of none.</summary>
    public static IndexFilter? Any(IEnumerable<IndexFilter> filters) => filters.Aggregate((IndexFilter?)null, (any, next) => any is null ? next : any | next);

    /// <summary>The expression, with <c>$p0</c> and so on for values: what positions of errors count in.</summary>
    public override string ToString() => Write().Expression;

    internal QueryText Write()
    {
        var text = new QueryText();
        WriteTo(text);
        return text;
    }

    private protected abstract void WriteTo(QueryText text);

    /// <summary>An expression and its parameters, being written.</summary>
    internal sealed class QueryText
    {
        private readonly StringBuilder _text = new();
        private readonly List<RedisValue> _values = [];

        public string Expression => _text.ToString();

        /// <summary>Values of <c>$p0</c>, <c>$p1</c> …</summary>
        public IReadOnlyList<RedisValue> Values => _values;

        public static string NameOf(int value) => string.Create(CultureInfo.InvariantCulture, $"p{value}");

        public QueryText Add(string text)
        {
            _text.Append(text);
            return this;
        }

        public QueryText Value(RedisValue value)
        {
            _text.Append('$').Append(NameOf(_values.Count));
            _values.Add(value);
            return this;
        }
    }

    internal sealed class Comparison(IndexField field, string sign, RedisValue value) : IndexFilter
    {
        private protected override void WriteTo(QueryText text) => text.Add(field.Word).Add(" " + sign + " ").Value(value);
    }

    internal sealed class Present(IndexField field) : IndexFilter
    {
        private protected override void WriteTo(QueryText text) => text.Add(field.Word).Add(" EXISTS");
    }

    internal sealed class OneOf : IndexFilter
    {
        private readonly IndexField _field;
        private readonly RedisValue[] _values;

        public OneOf(IndexField field, RedisValue[] values)
        {
            if (values.Length == 0) throw new ArgumentException("IN needs a value.", nameof(values));
            (_field, _values) = (field, values);
        }

        private protected override void WriteTo(QueryText text)
        {
            text.Add(_field.Word).Add(" IN (");
            for (int i = 0; i < _values.Length; ++i) text.Add(i == 0 ? "" : ", ").Value(_values[i]);
            text.Add(")");
        }
    }

    private sealed class Not(IndexFilter filter) : IndexFilter
    {
        private protected override void WriteTo(QueryText text)
        {
            text.Add("NOT ");
            Within(text, filter, filter is Joined);
        }
    }

    /// <summary>AND or OR of many: a chain of them is no deeper than one.</summary>
    private sealed class Joined : IndexFilter
    {
        private readonly string _word;
        private readonly IndexFilter[] _parts;

        public Joined(string word, IndexFilter left, IndexFilter right)
        {
            ArgumentNullException.ThrowIfNull(left);
            ArgumentNullException.ThrowIfNull(right);
            (_word, _parts) = (word, [.. PartsOf(word, left), .. PartsOf(word, right)]);
        }

        private protected override void WriteTo(QueryText text)
        {
            for (int i = 0; i < _parts.Length; ++i)
            {
                if (i > 0) text.Add(" " + _word + " ");
                Within(text, _parts[i], _parts[i] is Joined);
            }
        }

        private static IndexFilter[] PartsOf(string word, IndexFilter filter) => filter is Joined joined && joined._word == word ? joined._parts : [filter];
    }

    private static void Within(QueryText text, IndexFilter filter, bool parentheses)
    {
        if (parentheses) text.Add("(");
        filter.WriteTo(text);
        if (parentheses) text.Add(")");
    }
}
